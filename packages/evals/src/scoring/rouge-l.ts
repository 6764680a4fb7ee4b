/** ROUGE-L (Lin 2004) as in pycocoevalcap: β = 1.2, words between single spaces, best precision and best recall over the references. */
import { checkCaptions } from './caption-sets.ts';

const beta = 1.2;

/**
 * @param hypotheses one caption per image
 * @param references per image, one or more
 * @returns the mean and the score of each image, 0 to 1
 * @throws EvalsError EMPTY_SET, INVALID_ITEM
 * @example rougeL(['a red cat'], [['a cat']]).score
 */
export function rougeL(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): { score: number; perImage: number[] } {
  checkCaptions('ROUGE-L', hypotheses, references);
  const perImage = hypotheses.map((hypothesis, i) => {
    const said = hypothesis.split(' ');
    let precision = 0;
    let recall = 0;
    for (const reference of references[i]!) {
      const words = reference.split(' ');
      const common = longestCommon(said, words);
      precision = Math.max(precision, common / said.length);
      recall = Math.max(recall, common / words.length);
    }
    return precision === 0 || recall === 0
      ? 0
      : ((1 + beta * beta) * precision * recall) / (recall + beta * beta * precision);
  });
  return { score: perImage.reduce((sum, score) => sum + score, 0) / perImage.length, perImage };
}

/** Length of the longest common subsequence. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Uint32Array(b.length + 1);
  for (const word of a) {
    const next = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++) next[j + 1] = word === b[j] ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!);
    row = next;
  }
  return row[b.length]!;
}
