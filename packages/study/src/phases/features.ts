import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { barePatches, createEncoder, encodeSamples, type ImageEncoder, openHubEncoder } from '@vlm/image-patcher';
import { featureFile, writeFeatureIndex } from '../data/features.ts';
import { ownPreprocessing } from '../data/picture-inputs.ts';
import { allPictures, brokenShardPolicy } from '../data/shards.ts';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { StudyError } from '../study-error.ts';
import { corpusFolder } from './corpus.ts';

/** What the encoder phase leaves beside its weights. */
export interface EncoderFile {
  kind: 'cnn' | 'bare-patches' | 'hub';
  /** Side of the pictures that it takes; 0 where the encoder's own folder says. */
  imageSize: number;
  patches: number;
  width: number;
  /** Of a `hub` encoder: its folder and the block that is read. */
  folder?: string;
  layer?: number;
}

export const encoderFile = 'encoder.json';
export const encoderModelFile = 'encoder.onnx';

const batchPictures = 256;

/** Runs the frozen encoder over every picture of the corpus, once for all arms; over those of questions alone where training encodes its own. */
export async function runFeatures(context: PhaseContext): Promise<Record<string, unknown>> {
  const corpus = corpusFolder(context.parent('corpus'));
  const encoder = await openEncoder(context.parent('encoder'));
  const file = await open(join(context.directory, featureFile), 'w');
  const keys: string[] = [];
  const known = new Set<string>();
  const { brokenImages, brokenShards, features: how } = context.phase.settings as unknown as Recipe['data'];
  const wanted = how === 'when-read' ? 'questions' : 'all';
  const skipped = { images: 0, shardFaults: 0 };
  const noteBroken = (message: string): void => {
    skipped.images++;
    context.onWarning(`Left out, as the recipe says: ${message}`);
  };
  const startMs = Date.now();
  const { manifest } = (await context.parentSummary('corpus')) as {
    manifest: { counts: { samples: Record<string, number> } };
  };
  // Captions of one's own are counted by nobody before they are read.
  const isCounted = wanted === 'questions' || manifest.counts.samples['captions/train'] !== undefined;
  const expected = Object.entries(manifest.counts.samples).reduce(
    (sum, [group, n]) =>
      group.startsWith('text') || (wanted === 'questions' && !group.startsWith('eval')) ? sum : sum + n,
    0,
  );
  try {
    let batch: { key: string; png: Uint8Array }[] = [];
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      const { features } = await encodeSamples(
        encoder,
        batch.map(({ key, png }) => ({ name: key, bytes: png })),
        {
          // A question without its picture cannot be asked, whatever training may leave out.
          onBroken: ({ name, error }) => {
            if (brokenImages === 'error' || name.startsWith('eval/')) throw error;
            noteBroken(error.message);
          },
        },
      );
      for (const [i, row] of features.entries()) {
        if (!row) continue;
        // `write` may end early on a disk that is nearly full.
        await file.appendFile(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
        keys.push(batch[i]!.key);
      }
      batch = [];
      context.onProgress({
        fraction: isCounted ? Math.min(1, keys.length / expected) : 0,
        ...(isCounted ? {} : { note: `${keys.length} pictures, of so many as the shards hold` }),
        rate: (1000 * keys.length) / Math.max(1, Date.now() - startMs),
        unit: 'images',
      });
    };
    for await (const picture of allPictures(
      corpus,
      brokenShardPolicy(brokenShards, (message) => {
        skipped.shardFaults++;
        context.onWarning(`Left out, as the recipe says: ${message}`);
      }),
      wanted,
    )) {
      if (context.signal.aborted) throw new StudyError('interrupted', 'Stopped; the features begin again.');
      if (known.has(picture.key)) throw repeatedKey(picture);
      known.add(picture.key);
      batch.push(picture);
      if (batch.length === batchPictures) await flush();
    }
    await flush();
    await file.sync();
  } finally {
    await file.close();
  }
  await writeFeatureIndex(context.directory, { patches: encoder.patches, width: encoder.width, keys });
  return { pictures: keys.length, patches: encoder.patches, width: encoder.width, encoder: encoder.id, skipped };
}

/** Keys are unique within a shard; two sets of shards that count from 0 each share them. */
function repeatedKey({ key, shard }: { key: string; shard: string }): StudyError {
  return new StudyError(
    'bad-data',
    `Expected every picture of the corpus to have a key of its own, got ${key} again in ${shard}: stored features are found by that key. Give the shards keys that differ, or set data.features to "when-read", which looks nothing up.`,
  );
}

/** The encoder that a finished phase left. */
export async function openEncoder(directory: string, threads = 1): Promise<ImageEncoder> {
  const { kind, imageSize, folder, layer } = JSON.parse(
    await readFile(join(directory, encoderFile), 'utf8'),
  ) as EncoderFile;
  if (kind === 'hub') {
    // Letterboxed, as prismatic does it.
    const preprocessing = { fit: 'letterbox' } as const;
    return openHubEncoder(folder!, { preprocessing, threads, ...(layer === undefined ? {} : { layer }) });
  }
  const preprocessing = ownPreprocessing(imageSize);
  if (kind === 'bare-patches') return barePatches({ ...preprocessing, patch: imageSize / 4 });
  return createEncoder(join(directory, encoderModelFile), { preprocessing, layout: 'NHWC', threads });
}
