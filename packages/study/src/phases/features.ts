import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { barePatches, createEncoder, encodeSamples, type ImageEncoder, openHubEncoder } from '@vlm/image-patcher';
import { openFeatureRows } from '../data/feature-rows.ts';
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
/** A store elsewhere is sent the whole table at every checkpoint: when it has grown by half, all of them together are at most three times the table. */
const growthBetweenCheckpoints = 1.5;

/**
 * Runs the frozen encoder over every picture of the corpus, once for all arms; over those of questions alone where training encodes its own. After an
 * interruption the shards are read again from their beginning, and batches that are on the disk already are not encoded again.
 */
export async function runFeatures(context: PhaseContext): Promise<Record<string, unknown>> {
  const corpus = corpusFolder(context.parent('corpus'));
  const encoder = await openEncoder(context.parent('encoder'));
  const { patches, width } = encoder;
  const table = await openFeatureRows(context.directory, { patches, width });
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
  let encoded = 0;
  let atCheckpoint = 0;
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
      const names = batch.map(({ key }) => key);
      const broken = table.takeOver(names);
      if (broken) {
        skipped.images += broken.length;
        keys.push(...names.filter((_, i) => !broken.includes(i)));
        atCheckpoint = keys.length;
      } else {
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
        await table.append(names, features);
        const found = names.filter((_, i) => features[i]);
        encoded += found.length;
        keys.push(...found);
      }
      batch = [];
      if (keys.length > growthBetweenCheckpoints * atCheckpoint) {
        atCheckpoint = keys.length;
        context.onCheckpoint();
      }
      context.onProgress({
        fraction: isCounted ? Math.min(1, keys.length / expected) : 0,
        ...(isCounted ? {} : { note: `${keys.length} pictures, of so many as the shards hold` }),
        rate: (1000 * encoded) / Math.max(1, Date.now() - startMs),
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
      if (context.signal.aborted) throw new StudyError('interrupted', `Stopped after ${keys.length} pictures.`);
      if (known.has(picture.key)) throw repeatedKey(picture);
      known.add(picture.key);
      batch.push(picture);
      if (batch.length === batchPictures) await flush();
    }
    await flush();
    await table.finish(keys);
  } finally {
    await table.close();
  }
  return { pictures: keys.length, patches, width, encoder: encoder.id, skipped };
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
