import { EvalsError } from '../errors.ts';

/**
 * Average normalised Levenshtein similarity for read text (Biten et al. 2019) of one question: 1 − edits / length of the longer, 0 below one
 * half, the best over the answers. Case and outer white space do not count.
 * @returns 0 to 1
 * @example anls('STOQ', ['stop', 'halt']) // 0.75
 */
export function anls(prediction: string, answers: readonly string[]): number {
  if (answers.length === 0)
    throw new EvalsError('EMPTY_SET', 'ANLS: expected at least one reference answer, got none.');
  return Math.max(...answers.map((answer) => similarity(prediction, answer)));
}

function similarity(a: string, b: string): number {
  const [x, y] = [[...a.toLowerCase().trim()], [...b.toLowerCase().trim()]];
  const longer = Math.max(x.length, y.length);
  const share = longer === 0 ? 1 : 1 - edits(x, y) / longer;
  return share >= 0.5 ? share : 0;
}

/** Levenshtein distance. */
function edits(x: readonly string[], y: readonly string[]): number {
  let row = Array.from({ length: y.length + 1 }, (_, j) => j);
  x.forEach((letter, i) => {
    const next = [i + 1];
    for (let j = 0; j < y.length; j++)
      next.push(Math.min(row[j]! + (letter === y[j] ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    row = next;
  });
  return row[y.length]!;
}
