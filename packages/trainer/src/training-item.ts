/** What the packer eats. Legend: n tokens of one item, F features of one patch. */
import type { ResumableIterator } from '@vlm/mixture-sampler';
import { TrainerError } from './trainer-error.ts';

/** One document, caption or conversation, encoded. */
export interface TrainingItem {
  id: string;
  /** [n] ids; image positions hold the placeholder id. */
  tokens: Int32Array;
  /** [n] 1 where predicting this token carries loss, else 0. */
  loss: Uint8Array;
  /** [number of placeholders, F] features, in the order of the placeholders; whole pictures where the shape has `cellsPerImage`. */
  patches?: Float32Array;
}

/** An item and the name of the source it came from; what a mixture yields is one. */
export interface SourcedItem {
  source: string;
  item: TrainingItem;
}

/**
 * Opens a source at its beginning, or where an earlier `state()` of its iterator said; `pass` tells which pass over the data it is, from
 * 0. It fits `MixtureSource.open`.
 */
export type OpenSource<T> = (
  state?: unknown,
  pass?: { epoch: number },
) => ResumableIterator<T> | Promise<ResumableIterator<T>>;

/**
 * Checks that the parts of an item belong together.
 *
 * @param features F, the width of a patch (or of a whole picture); 0 where the model takes no patches
 * @param imageToken id of the placeholder; `undefined` where the model takes no patches
 * @param cells placeholders that one row of patches stands behind
 * @throws TrainerError `bad-item`
 */
export function checkItem(
  { source, item }: SourcedItem,
  features: number,
  imageToken: number | undefined,
  cells = 1,
): void {
  const where = `item ${JSON.stringify(item.id)} of source ${JSON.stringify(source)}`;
  const { tokens, loss, patches } = item;
  for (const [field, array, Expected] of [
    ['tokens', tokens, Int32Array],
    ['loss', loss, Uint8Array],
    ['patches', patches, Float32Array],
  ] as const) {
    if (array instanceof Expected || (field === 'patches' && array === undefined)) continue;
    const got = (array as object | null | undefined)?.constructor.name ?? String(array);
    throw new TrainerError(
      'bad-item',
      `Packing: expected ${field} to be of ${Expected.name}, got ${got}, in ${where}.`,
    );
  }
  if (tokens.length === 0) {
    throw new TrainerError(
      'bad-item',
      `Packing: expected at least one token, got none, in ${where}; filter empty items out before.`,
    );
  }
  if (loss.length !== tokens.length) {
    throw new TrainerError(
      'bad-item',
      `Packing: expected ${tokens.length} loss flags, one per token, got ${loss.length}, in ${where}.`,
    );
  }
  let placeholders = 0;
  for (const token of tokens) {
    if (token === imageToken) placeholders++;
    if (token < 0) {
      throw new TrainerError('bad-item', `Packing: expected tokens to be ids from 0, got ${token}, in ${where}.`);
    }
  }
  if (placeholders > 0 && features === 0) {
    throw new TrainerError(
      'bad-item',
      `Packing: expected text alone (features is 0), got ${placeholders} image placeholders, in ${where}; set features, or leave the item out.`,
    );
  }
  const expected = (placeholders / cells) * features;
  const got = patches?.length ?? 0;
  if (got !== expected) {
    throw new TrainerError(
      'bad-item',
      `Packing: expected ${placeholders} placeholders${cells === 1 ? '' : ` / ${cells} to a picture`} × ${features} features = ${expected} patch values, got ${got}, in ${where}; ` +
        `were imageToken (${imageToken ?? 'none'}) and features given as the encoder made them?`,
    );
  }
}

/** Placeholders among tokens `from … to − 1` of an item. */
export function countPlaceholders(
  { tokens, patches }: TrainingItem,
  imageToken: number | undefined,
  from: number,
  to: number,
): number {
  if (!patches) return 0;
  let count = 0;
  for (let i = from; i < to; i++) if (tokens[i] === imageToken) count++;
  return count;
}
