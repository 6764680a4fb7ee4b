/** Pictures with dense labels, held in memory. Legend: B pictures of a batch, S pixels along a side, P cells. */
import { type DenseLabels, denseLabels, type LabelVocabulary, readManifest, type Scene } from '@vlm/corpus';
import { decodeImage, isImageProblem } from '@vlm/image-patcher';
import type { NamedArrays } from '@vlm/jit';
import { createRandom, type EncoderHead } from '@vlm/model';
import type { StepBatches } from '@vlm/trainer';
import { literalShard, readShards } from 'webdataset-ts';
import { shardsOf, trainingScenes } from '../data/shards.ts';
import type { PhaseContext } from '../run-phase.ts';
import { StudyError } from '../study-error.ts';

/** Cells along a side of a picture; the encoder gives one feature for each. */
export const gridSide = 4;

export interface LabelledPicture {
  /** [S, S, 3] */
  rgb: Uint8Array;
  labels: DenseLabels;
}

/** What the encoder is taught: the concept and the colour in each cell (0: the ground), and the kind of ground. */
export function labelHeads({ concepts, colours, backgrounds }: LabelVocabulary): EncoderHead[] {
  return [
    { name: 'concept', classes: concepts.length + 1, per: 'cell', weight: 1 },
    { name: 'colour', classes: colours.length + 1, per: 'cell', weight: 0.3 },
    { name: 'background', classes: backgrounds.length, per: 'image', weight: 0.2 },
  ];
}

/** Decodes every training scene. A picture that cannot be decoded is an error, or left out and counted where the recipe says so. */
export async function loadTrainingPictures(
  context: PhaseContext,
  corpus: string,
  { imageSize, vocabulary }: { imageSize: number; vocabulary: LabelVocabulary },
): Promise<{ pictures: LabelledPicture[]; skipped: number }> {
  const { shards } = await readManifest(corpus);
  const expected = ['captions/train', 'conversations/train']
    .flatMap((group) => shards[group] ?? [])
    .reduce((sum, shard) => sum + shard.samples, 0);
  const pictures: LabelledPicture[] = [];
  let skipped = 0;
  for await (const { key, png, scene } of trainingScenes(corpus)) {
    if (context.signal.aborted) throw new StudyError('interrupted', 'Stopped while reading pictures.');
    try {
      pictures.push(await labelled(key, png, scene, imageSize, vocabulary));
    } catch (error) {
      if (context.study.recipe.data.brokenImages === 'error' || !isImageProblem(error)) throw error;
      skipped++;
      context.onWarning(`Left out, as the recipe says: ${error.message}`);
    }
    if (pictures.length % 500 === 0) {
      context.onProgress({ fraction: 0, note: `reading pictures, ${pictures.length} of about ${expected}` });
    }
  }
  if (pictures.length === 0) {
    throw new StudyError(
      'missing-artifact',
      `Expected training scenes with pictures in ${corpus}, got none. Ask the corpus for captions or conversations, or set encoder.kind to "bare-patches".`,
    );
  }
  return { pictures, skipped };
}

/** Tasks whose scenes are made as those of training are. The others are crowded, show signs or small things, and are no probe of it. */
const probedTasks: readonly string[] = ['captioning', 'existence', 'grounding', 'open-vqa'];

/** Pictures of the probed tasks by split; items of held-out concepts have no labels and are left out. */
export async function loadEvalPictures(
  corpus: string,
  { imageSize, vocabulary }: { imageSize: number; vocabulary: LabelVocabulary },
): Promise<Record<string, LabelledPicture[]>> {
  const splits: Record<string, LabelledPicture[]> = { 'new-scene': [], 'new-vendor': [] };
  const decoder = new TextDecoder();
  const { shards } = await readManifest(corpus);
  for (const group of probedTasks.map((task) => `eval/${task}`).filter((name) => name in shards)) {
    for await (const { key, members } of readShards((await shardsOf(corpus, group)).map(literalShard))) {
      const { png, json, 'scene.json': scene } = members;
      if (!png || !scene || !json) continue;
      const { split } = JSON.parse(decoder.decode(json)) as { split: string };
      const pictures = splits[split];
      if (!pictures) continue;
      const name = `${group}/${key}`;
      pictures.push(await labelled(name, png, JSON.parse(decoder.decode(scene)) as Scene, imageSize, vocabulary));
    }
  }
  return splits;
}

async function labelled(
  name: string,
  png: Uint8Array,
  scene: Scene,
  imageSize: number,
  vocabulary: LabelVocabulary,
): Promise<LabelledPicture> {
  const { pixels_HWC } = await decodeImage(png, {
    size: imageSize,
    fit: 'letterbox',
    normalisation: 'minus-one-to-one',
    name,
  });
  const rgb = new Uint8Array(pixels_HWC.length);
  for (let i = 0; i < rgb.length; i++) rgb[i] = Math.round((pixels_HWC[i]! + 1) * 127.5);
  return { rgb, labels: denseLabels(scene, { grid: gridSide, ...vocabulary }) };
}

const pixelValues = Float32Array.from({ length: 256 }, (_, value) => value / 127.5 - 1);

/** Pixels of pictures as the encoder takes them; places beyond the last picture stay grey. @returns float32 [batch, S, S, 3] */
export function imageBatch(pictures: readonly LabelledPicture[], batch: number): Float32Array {
  const length = pictures[0]!.rgb.length;
  const images_BSS3 = new Float32Array(batch * length);
  pictures.forEach(({ rgb }, b) => {
    for (let i = 0; i < length; i++) images_BSS3[b * length + i] = pixelValues[rgb[i]!]!;
  });
  return images_BSS3;
}

/** Where a stream of batches is: pictures taken so far. */
interface PictureState {
  taken: number;
}

/** Batches without end: pass after pass over the pictures, each in an order of its own that the seed decides. */
export function pictureBatches(
  pictures: readonly LabelledPicture[],
  { batch, seed, state }: { batch: number; seed: number; state?: unknown },
): StepBatches {
  let taken = (state as PictureState | undefined)?.taken ?? 0;
  const nextPicture = pictureOrder(pictures.length, seed);
  return {
    async next() {
      const chosen = Array.from({ length: batch }, (_, b) => pictures[nextPicture(taken + b)]!);
      taken += batch;
      return { done: false, value: { variant: 'train', inputs: stepInputs(chosen), tokens: batch, lossTokens: batch } };
    },
    state: (): PictureState => ({ taken }),
  };
}

/** Index of the n-th picture of an endless stream of passes. */
function pictureOrder(count: number, seed: number): (ordinal: number) => number {
  let epoch = -1;
  const order = new Uint32Array(count);
  return (ordinal) => {
    const wanted = Math.floor(ordinal / count);
    if (wanted !== epoch) {
      epoch = wanted;
      const random = createRandom(`encoder-pictures/${seed}/${epoch}`);
      for (let i = 0; i < count; i++) order[i] = i;
      for (let i = count - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
    }
    return order[ordinal % count]!;
  };
}

function stepInputs(pictures: readonly LabelledPicture[]): NamedArrays {
  const cells = gridSide * gridSide;
  const perCell = (name: 'concept' | 'colour') => {
    const labels_BP = new Int32Array(pictures.length * cells);
    pictures.forEach(({ labels }, b) => {
      labels_BP.set(labels[name], b * cells);
    });
    return labels_BP;
  };
  return {
    images_BSS3: imageBatch(pictures, pictures.length),
    concept_BP: perCell('concept'),
    colour_BP: perCell('colour'),
    background_B: Int32Array.from(pictures, ({ labels }) => labels.background),
  };
}
