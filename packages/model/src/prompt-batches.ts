/** Prompts of many lengths laid into few fixed shapes: sorted, grouped, padded on the right. */
import type { NamedArrays } from '@vlm/jit';
import { ModelError } from './model-error.ts';
import type { VlmConfig } from './vlm.ts';

export interface Prompt {
  /** [n] token ids, at least one; image positions hold the image placeholder. */
  tokens: Int32Array;
  /** [placeholders, F] image features, in the order of the placeholders. */
  patches?: Float32Array;
  /** [pictures, S, S, 3] in [−1, 1] in place of their features, for a model with an encoder of its own. */
  images?: Float32Array;
}

export interface PromptBatch {
  /** Indices into the prompts, one for each row in use. */
  indices: number[];
  /** Padded positions. */
  length: number;
  /** Rows of the patch table, of which those behind the last patch are zeros that nothing points to; 0 where no prompt has an image. */
  patches: number;
  /** `tokens_BT`, and with patches `slots_BT` and `patches_NF`. */
  inputs: NamedArrays;
}

export interface BatchShapes {
  batchSize: number;
  /** Lengths that a batch may be padded to, ascending. */
  lengths: readonly number[];
  /** Id of the placeholder that stands for one patch. */
  imageToken?: number;
}

/**
 * @param extra positions to keep free behind each prompt
 * @throws ModelError INVALID_INPUT naming the prompt that is empty, too long, has ids outside the vocabulary, or as many placeholders as
 * its patches do not have
 */
export function batchPrompts(
  config: VlmConfig,
  prompts: readonly Prompt[],
  shapes: BatchShapes,
  extra: number,
): PromptBatch[] {
  for (const [index, prompt] of prompts.entries()) check(config, prompt, index, shapes, extra);
  const order = prompts
    .map((_, index) => index)
    .sort((a, b) => {
      const modality = Number(prompts[a]!.patches !== undefined) - Number(prompts[b]!.patches !== undefined);
      return modality || prompts[a]!.tokens.length - prompts[b]!.tokens.length || a - b;
    });
  const width = config.projector?.featureWidth ?? 1;
  const mostPatches = prompts.reduce((most, { patches }) => Math.max(most, (patches?.length ?? 0) / width), 0);
  const batches: PromptBatch[] = [];
  for (let start = 0; start < order.length; start += shapes.batchSize) {
    const indices = order.slice(start, start + shapes.batchSize);
    batches.push(layOut(config, prompts, indices, shapes, fittingPatches(mostPatches)));
  }
  return batches;
}

/** @returns the smallest of the lengths that holds `n` positions */
export function fittingLength(lengths: readonly number[], n: number): number {
  return lengths.find((length) => length >= n)!;
}

/** The smallest of 4, 6, 8, 12, 16, 24, … that is no less than `n`: every number of its own would be a graph of its own, with the weights once more. */
function fittingPatches(n: number): number {
  let size = 4;
  while (size < n) size *= 2;
  return size > 4 && 0.75 * size >= n ? 0.75 * size : size;
}

function layOut(
  config: VlmConfig,
  prompts: readonly Prompt[],
  indices: number[],
  { batchSize, lengths, imageToken }: BatchShapes,
  patchesOfPrompt: number,
): PromptBatch {
  const length = fittingLength(lengths, Math.max(...indices.map((index) => prompts[index]!.tokens.length)));
  const hasPatches = indices.some((index) => (prompts[index]!.patches?.length ?? 0) > 0);
  const patches = hasPatches ? batchSize * patchesOfPrompt : 0;
  const tokens_BT = new Int32Array(batchSize * length);
  const slots_BT = new Int32Array(batchSize * length);
  const patches_NF = new Float32Array(patches * (config.projector?.featureWidth ?? 0));
  let used = 0;
  indices.forEach((index, row) => {
    const prompt = prompts[index]!;
    tokens_BT.set(prompt.tokens, row * length);
    if (!prompt.patches) return;
    patches_NF.set(prompt.patches, used * config.projector!.featureWidth);
    prompt.tokens.forEach((token, position) => {
      if (token === imageToken) slots_BT[row * length + position] = ++used;
    });
  });
  return { indices, length, patches, inputs: hasPatches ? { tokens_BT, slots_BT, patches_NF } : { tokens_BT } };
}

function check(
  config: VlmConfig,
  { tokens, patches }: Prompt,
  index: number,
  shapes: BatchShapes,
  extra: number,
): void {
  const bad = (what: string) => new ModelError('INVALID_INPUT', `Prompt ${index}: ${what}.`);
  const longest = shapes.lengths.at(-1)! - extra;
  if (tokens.length === 0 || tokens.length > longest) {
    throw bad(
      `expected 1 to ${longest} tokens (${shapes.lengths.at(-1)} positions${extra ? ` less ${extra} new tokens` : ''}), got ${tokens.length}; shorten it or raise maxLength`,
    );
  }
  const outside = tokens.find((id) => id < 0 || id >= config.decoder.vocabSize);
  if (outside !== undefined) throw bad(`expected ids in [0, ${config.decoder.vocabSize}), got ${outside}`);
  const placeholders = tokens.reduce((count, id) => count + Number(id === shapes.imageToken), 0);
  if (patches === undefined && placeholders === 0) return;
  if (patches === undefined) {
    throw bad(`has ${placeholders} placeholders ${shapes.imageToken}, but no patches and no images for them`);
  }
  if (!config.projector || shapes.imageToken === undefined) {
    throw bad('has patches, but the model has no projector or the generator no imageToken');
  }
  const width = config.projector.featureWidth;
  if (patches.length !== placeholders * width) {
    throw bad(
      `expected ${placeholders} patches of ${width} numbers, one for each placeholder ${shapes.imageToken}, got ${patches.length} numbers = ${patches.length / width} patches`,
    );
  }
}
