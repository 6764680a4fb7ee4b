/**
 * OpenLM's pre-tokenised shards, read as OpenLM reads them (open_lm/data.py), quirks and all: for those who hold such shards and want
 * the very same inputs and targets. Everything else in this package takes items and packs them itself.
 */
import { TrainerError } from './trainer-error.ts';

/** What a target says that carries no loss (PyTorch's default `ignore_index`). */
export const OPENLM_IGNORED = -100;

/**
 * One stored token as OpenLM understands it: negative ids count from the end of the vocabulary (its special tokens), whatever is not an
 * integer is 0.
 *
 * @param vocabSize size of the vocabulary, special tokens included
 * @example openLmToken(-1, 50434) // 50433
 */
export function openLmToken(value: unknown, vocabSize: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) return 0;
  return value < 0 ? ((value % vocabSize) + vocabSize) % vocabSize : value;
}

/**
 * The tokens of one member of a shard: a JSON array (`.json`, `.json.gz` unpacked) or a Python list of literals (`.txt`).
 *
 * A number with a point is no token in either (OpenLM: `type(token) is not int`), so `2.0` is 0.
 *
 * @throws TrainerError `bad-item` when the text is not a list
 * @example openLmTokens('[1, -1]', 50434) // Int32Array [1, 50433]
 */
export function openLmTokens(text: string, vocabSize: number): Int32Array {
  const list = /^\s*[[({]([\s\S]*)[\])}]\s*$/.exec(text)?.[1];
  if (list === undefined) {
    throw new TrainerError(
      'bad-item',
      `OpenLM shard: expected a list of tokens such as [1, 2, 3], got ${JSON.stringify(text.slice(0, 60))}.`,
    );
  }
  const literals = list.match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^,\s]+/g) ?? [];
  return Int32Array.from(literals, (literal) =>
    openLmToken(/^[-+]?\d+$/.test(literal) ? Number(literal) : null, vocabSize),
  );
}

/** Whether OpenLM keeps a sample of that many tokens: one more than the model's length at least. */
export function openLmKeeps(tokens: number, length: number): boolean {
  return tokens > length;
}

export interface OpenLmMasks {
  /** Targets up to the last such token carry no loss (`target_mask_left`). */
  left?: number;
  /** Targets that are such a token carry no loss (`target_mask_individual`). */
  each?: number;
  /** Takes every `left` token out, of inputs and of targets, and fills up with `each` (`squash_mask_left`). */
  squash?: boolean;
}

/**
 * Inputs and targets of one stored row.
 *
 * With `squash` and the token at the first input alone, the inputs move and the targets do not: so does OpenLM.
 *
 * @param row at least `length + 1` ids
 * @param length T
 * @param options.start where the window begins in a longer row, 0 … row.length − T − 1 (OpenLM draws it). Default 0
 * @returns T inputs and T targets, {@link OPENLM_IGNORED} where a target carries no loss
 * @throws TrainerError `bad-item` for a row that is too short, `bad-option` for a window outside it or `squash` without both tokens
 * @example openLmRow([3, 7, 50, 8, 9], 4, { left: 50 }) // { inputs: [3, 7, 50, 8], targets: [-100, -100, 8, 9] }
 */
export function openLmRow(
  row: ArrayLike<number>,
  length: number,
  options: OpenLmMasks & { start?: number } = {},
): { inputs: Int32Array; targets: Int32Array } {
  const { start = 0, left, each, squash = false } = options;
  if (row.length < length + 1) {
    throw new TrainerError(
      'bad-item',
      `OpenLM row: expected at least ${length + 1} tokens (length + 1), got ${row.length}; filter with openLmKeeps.`,
    );
  }
  if (!Number.isInteger(start) || start < 0 || start + length >= row.length) {
    throw new TrainerError(
      'bad-option',
      `OpenLM row: expected start to be an integer from 0 to ${row.length - length - 1}, got ${start}.`,
    );
  }
  if (squash && (left === undefined || each === undefined)) {
    throw new TrainerError(
      'bad-option',
      'OpenLM row: squash takes the left token out and fills up with the each token; give both.',
    );
  }
  const window = Array.from(row).slice(start, start + length + 1);
  let inputs = window.slice(0, -1);
  let targets = maskLeft(window.slice(1), left, squash);
  if (squash)
    [inputs, targets] = [inputs, targets].map((ids) => withoutToken(ids, left!, each!)) as [number[], number[]];
  targets = targets.map((token) => (token === each ? OPENLM_IGNORED : token));
  return { inputs: Int32Array.from(inputs), targets: Int32Array.from(targets) };
}

/** @param keepToken leaves the token itself in place, to be taken out later */
function maskLeft(targets: number[], token: number | undefined, keepToken: boolean): number[] {
  const last = token === undefined ? -1 : targets.lastIndexOf(token);
  return targets.map((target, i) => (i > last || (keepToken && target === token) ? target : OPENLM_IGNORED));
}

function withoutToken(ids: number[], token: number, fill: number): number[] {
  const kept = ids.filter((id) => id !== token);
  return [...kept, ...new Array<number>(ids.length - kept.length).fill(fill)];
}
