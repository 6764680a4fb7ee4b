import { expect, it } from 'vitest';
import { close, goldenCases } from '../testing/golden.ts';
import { bleu } from './bleu.ts';
import { ciderD } from './cider-d.ts';
import { rougeL } from './rouge-l.ts';

interface Expected {
  cider: { corpus: number; per_image: number[] };
  bleu: { corpus_1_to_4: number[]; per_image_1_to_4: number[][] };
  rouge_l: { corpus: number; per_image: number[] };
}

it.each(goldenCases<{ references: string[][]; hypotheses: string[] }, Expected>('caption_metrics'))(
  'captions as pycocoevalcap scores them: $id $kind',
  ({ input: { hypotheses, references }, expected }) => {
    const cider = ciderD(hypotheses, references);
    const blue = bleu(hypotheses, references);
    const rouge = rougeL(hypotheses, references);
    const pairs = [
      [cider.score, expected.cider.corpus],
      ...cider.perImage.map((score, i) => [score, expected.cider.per_image[i]]),
      ...blue.corpus.map((score, k) => [score, expected.bleu.corpus_1_to_4[k]]),
      ...blue.perImage.flatMap((scores, i) => scores.map((score, k) => [score, expected.bleu.per_image_1_to_4[i]![k]])),
      [rouge.score, expected.rouge_l.corpus],
      ...rouge.perImage.map((score, i) => [score, expected.rouge_l.per_image[i]]),
    ];
    expect(pairs.filter(([a, b]) => !close(a, b))).toEqual([]);
  },
);
