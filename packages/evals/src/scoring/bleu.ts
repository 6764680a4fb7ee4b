/** BLEU-1 to BLEU-4 (Papineni et al. 2002) with the arithmetic of pycocoevalcap, option `closest`. */
import { checkCaptions } from './caption-sets.ts';
import { countNgrams } from './ngrams.ts';
import { pythonSplit } from './python-text.ts';

// Both keep a perfect caption just below 1 and an order without a match just above 0, as there.
const tiny = 1e-15;
const small = 1e-9;

type Four = [number, number, number, number];

/**
 * @param hypotheses one caption per image, already tokenised by spaces
 * @param references per image, one or more
 * @returns BLEU-1 … BLEU-4 of the corpus and of each image. A perfect caption of two words has a BLEU-4 near .001.
 * @throws EvalsError EMPTY_SET, INVALID_ITEM
 * @example bleu(['a red cat sits'], [['a red cat sits']]).corpus[3]
 */
export function bleu(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): { corpus: Four; perImage: Four[] } {
  checkCaptions('BLEU', hypotheses, references);
  const total = { length: 0, reference: 0, guesses: [0, 0, 0, 0] as Four, matches: [0, 0, 0, 0] as Four };
  const perImage = hypotheses.map((hypothesis, i) => {
    const said = pythonSplit(hypothesis);
    const texts = references[i]!.map(pythonSplit);
    const most = texts.map(countNgrams);
    const matches: Four = [0, 0, 0, 0];
    const guesses: Four = [0, 0, 0, 0];
    countNgrams(said).forEach((counts, k) => {
      guesses[k as 0] = Math.max(0, said.length - k);
      for (const [gram, count] of counts)
        matches[k as 0] += Math.min(count, Math.max(...most.map((orders) => orders[k]!.get(gram) ?? 0)));
    });
    const reference = closest(
      texts.map((text) => text.length),
      said.length,
    );
    total.length += said.length;
    total.reference += reference;
    for (const k of [0, 1, 2, 3] as const) {
      total.guesses[k] += guesses[k];
      total.matches[k] += matches[k];
    }
    return scores(matches, guesses, said.length, reference);
  });
  return { corpus: scores(total.matches, total.guesses, total.length, total.reference), perImage };
}

/** The reference length nearest to the caption's; of two, the shorter. */
function closest(lengths: readonly number[], length: number): number {
  return lengths.reduce((best, one) => {
    const [a, b] = [Math.abs(one - length), Math.abs(best - length)];
    return a < b || (a === b && one < best) ? one : best;
  });
}

function scores(matches: Four, guesses: Four, length: number, reference: number): Four {
  const ratio = (length + tiny) / (reference + small);
  const brevity = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return matches.map((match, k) => {
    product *= (match + tiny) / (guesses[k]! + small);
    return product ** (1 / (k + 1)) * brevity;
  }) as Four;
}
