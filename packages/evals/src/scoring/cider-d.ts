/** CIDEr-D (Vedantam et al. 2015) with the arithmetic of pycocoevalcap: n = 4, σ = 6, idf from the references given. */
import { checkCaptions } from './caption-sets.ts';
import { countNgrams } from './ngrams.ts';
import { pythonSplit } from './python-text.ts';

const sigma = 6;

interface Vector {
  weights: Map<string, number>[];
  norms: number[];
  length: number;
}

/**
 * @param hypotheses one caption per image, already tokenised by spaces
 * @param references per image, one or more
 * @returns the mean and the score of each image, 0 to 10. Length is measured in bigrams, and a corpus of one image scores 0, as there.
 * @throws EvalsError EMPTY_SET, INVALID_ITEM
 * @example ciderD(['a red cat', 'a dog'], [['a red cat'], ['one dog']]).perImage
 */
export function ciderD(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): { score: number; perImage: number[] } {
  checkCaptions('CIDEr-D', hypotheses, references);
  const counted = references.map((texts) => texts.map((text) => countNgrams(pythonSplit(text))));
  const documents = new Map<string, number>();
  for (const texts of counted)
    for (const gram of new Set(texts.flatMap((orders) => orders.flatMap((counts) => [...counts.keys()]))))
      documents.set(gram, (documents.get(gram) ?? 0) + 1);
  const images = Math.log(references.length);
  const vectorOf = (orders: Map<string, number>[]): Vector => {
    const norms: number[] = [];
    let length = 0;
    const weights = orders.map((counts, k) => {
      let norm = 0;
      const weighted = new Map<string, number>();
      for (const [gram, count] of counts) {
        const weight = count * (images - Math.log(Math.max(1, documents.get(gram) ?? 0)));
        weighted.set(gram, weight);
        norm += weight * weight;
        if (k === 1) length += count;
      }
      norms.push(Math.sqrt(norm));
      return weighted;
    });
    return { weights, norms, length };
  };
  const perImage = hypotheses.map((hypothesis, i) => {
    const said = vectorOf(countNgrams(pythonSplit(hypothesis)));
    let sum = 0;
    for (const reference of counted[i]!) sum += similarity(said, vectorOf(reference));
    return (sum / counted[i]!.length) * 10;
  });
  return { score: perImage.reduce((sum, score) => sum + score, 0) / perImage.length, perImage };
}

/** Mean over the orders of the clipped cosine, times a Gaussian in the difference of lengths. */
function similarity(said: Vector, reference: Vector): number {
  const difference = said.length - reference.length;
  const penalty = Math.exp(-(difference * difference) / (2 * sigma * sigma));
  let sum = 0;
  for (let k = 0; k < said.weights.length; k++) {
    let product = 0;
    for (const [gram, weight] of said.weights[k]!) {
      const other = reference.weights[k]!.get(gram) ?? 0;
      product += Math.min(weight, other) * other;
    }
    const norms = said.norms[k]! * reference.norms[k]!;
    sum += (norms === 0 ? product : product / norms) * penalty;
  }
  return sum / said.weights.length;
}
