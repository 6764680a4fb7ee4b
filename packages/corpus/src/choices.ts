import { CorpusError } from './errors.ts';
import type { Random } from './random.ts';
import type { TextItem } from './types.ts';

/** How often every word occurs in the training documents. */
export type WordCounts = ReadonlyMap<string, number>;

/** Frequencies within a factor of two (of n + 2, so that rare words have company). */
export function near(a: number, b: number): boolean {
  const ratio = (a + 2) / (b + 2);
  return ratio <= 2 && ratio >= 0.5;
}

/** Draws distinct values that fit, or nothing where too few were met in a fair number of draws. */
export function draw<T>(
  pool: readonly T[],
  count: number,
  random: Random,
  fits: (entry: T) => boolean,
  value: (entry: T) => string,
): string[] | undefined {
  const found = new Set<string>();
  for (let tries = 0; tries < 4000 && found.size < count; tries++) {
    const entry = random.pick(pool);
    if (fits(entry)) found.add(value(entry));
  }
  return found.size === count ? [...found] : undefined;
}

export function choice(
  task: string,
  index: number,
  context: string,
  right: string,
  wrong: readonly string[],
  random: Random,
  type?: string,
): TextItem {
  const answer = random.int(wrong.length + 1);
  const choices = [...wrong];
  choices.splice(answer, 0, right);
  return { id: itemId(task, index), task, ...(type === undefined ? {} : { type }), context, choices, answer };
}

export function itemId(task: string, index: number): string {
  return `${task}-${String(index).padStart(6, '0')}`;
}

export function enough<T>(what: string, found: T[], wanted: number): T[] {
  if (found.length < wanted)
    throw new CorpusError(
      'not-enough-data',
      `The held-out text gives only ${found.length} of ${wanted} ${what}; raise text.testShare or text.maxTokens, or ask for fewer.`,
    );
  return found;
}
