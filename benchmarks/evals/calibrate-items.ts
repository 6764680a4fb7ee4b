/** Do intervals over items hold the truth? Studies with one model each, of which the truth is known. */
import { bootstrapClusters, bootstrapMean, compare, type Interval, wilsonInterval } from '@vlm/evals';
import { createRandom } from '../../packages/evals/src/random.ts';
import { normal } from '../../packages/evals/src/testing/simulated-studies.ts';

export interface ItemRow {
  what: string;
  how: string;
  items: number;
  /** Share of studies whose interval held the truth. */
  coverage: number;
  /** Median, in units of the score. */
  width: number;
}

interface Question {
  what: string;
  how: string;
  items: readonly number[];
  truth: number;
  interval(items: number, study: number): Interval;
}

const random = createRandom('calibration of items');
const coin = (p: number): number => (random.next() < p ? 1 : 0);
const many = <T>(n: number, draw: () => T): T[] => Array.from({ length: n }, draw);
const resamples = 1000;

/** An answer on which some of ten annotators agree: 0, 0.3, 0.6, 0.9 or 1. */
const vqaScore = (): number => [0, 0, 0, 0, 0, 0.3, 0.6, 0.9, 1, 1, 1, 1][random.int(12)]!;
/** Object F1 of captions of one to four objects, most of which name none. */
const objectF1 = (): number => (random.next() < 0.7 ? 0 : [0.4, 0.5, 0.667, 0.8, 1][random.int(5)]!);
/** A document: log-normal length in bytes, bits per byte that fall with it, and a few documents in another style. */
const document = (): { weight: number; score: number } => {
  const length = normal(random);
  const style = random.next() < 0.05 ? random.next() : 0;
  return {
    weight: Math.round(600 * Math.exp(0.7 * length)),
    score: 2.3 - 0.05 * length + 0.25 * normal(random) + style,
  };
};
const meanOf = (draw: () => number): number => {
  let sum = 0;
  for (let i = 0; i < 2e6; i++) sum += draw();
  return sum / 2e6;
};
const bitsPerByte = (): number => {
  let [bits, bytes] = [0, 0];
  for (let i = 0; i < 2e6; i++) {
    const { weight, score } = document();
    bits += weight * score;
    bytes += weight;
  }
  return bits / bytes;
};
/** Right or wrong of two models on one question: one of them wins in so many of a hundred. */
const pair = (a: number, b: number): [number, number] => {
  const u = random.next();
  if (u < a) return [1, 0];
  if (u < a + b) return [0, 1];
  return random.next() < 0.4 ? [1, 1] : [0, 0];
};

function difference(pairs: readonly (readonly [number, number])[], study: number, weights?: number[]): Interval {
  const run = (side: 0 | 1) => [
    pairs.map((scores, i) => ({ id: `${i}`, score: scores[side], ...(weights ? { weight: weights[i]! } : {}) })),
  ];
  return compare({ name: 'a', runs: run(0) }, { name: 'b', runs: run(1) }, { seed: study, resamples }).difference;
}

function questions(): Question[] {
  const share = (p: number, items: readonly number[]): Question => ({
    what: `share of right answers, ${100 * p} %`,
    how: '`wilsonInterval`',
    items,
    truth: p,
    interval: (n) =>
      wilsonInterval(
        many(n, () => coin(p)).reduce((a, b) => a + b, 0),
        n,
      ),
  });
  const paired = (a: number, b: number): Question => ({
    what: `paired difference, ${100 * (a + b)} % of answers differ`,
    how: '`compare`, one run',
    items: [100, 400],
    truth: a - b,
    interval: (n, study) =>
      difference(
        many(n, () => pair(a, b)),
        study,
      ),
  });
  return [
    share(0.05, [100, 400]),
    share(0.4, [100, 400]),
    {
      what: 'VQA accuracy, ten annotators',
      how: '`bootstrapMean`',
      items: [100, 400],
      truth: meanOf(vqaScore),
      interval: (n, study) => bootstrapMean(many(n, vqaScore), { seed: study, resamples }),
    },
    {
      what: 'object F1 of captions',
      how: '`bootstrapMean`',
      items: [100, 400],
      truth: meanOf(objectF1),
      interval: (n, study) => bootstrapMean(many(n, objectF1), { seed: study, resamples }),
    },
    {
      what: 'bits per byte, documents of unequal length',
      how: '`bootstrapMean`, weights',
      items: [60, 200],
      truth: bitsPerByte(),
      interval(n, study) {
        const documents = many(n, document);
        const weights = documents.map(({ weight }) => weight);
        const scores = documents.map(({ score }) => score);
        return bootstrapMean(scores, { seed: study, resamples, weights });
      },
    },
    paired(0.09, 0.06),
    paired(0.2, 0.2),
    {
      what: 'paired difference in bits per byte',
      how: '`compare`, weights',
      items: [60, 200],
      truth: 0.02,
      interval(n, study) {
        const documents = many(n, document);
        const pairs = documents.map(({ score }): [number, number] => [score + 0.02 + 0.05 * normal(random), score]);
        return difference(
          pairs,
          study,
          documents.map(({ weight }) => weight),
        );
      },
    },
    {
      what: 'questions in groups of 1 to 5 about one picture',
      how: '`bootstrapClusters`',
      items: [100],
      truth: 0.5,
      interval: (n, study) =>
        bootstrapClusters(
          many(n, () => {
            const p = random.next(); // the same for all questions about the picture
            return many(1 + random.int(5), () => coin(p));
          }),
          { seed: study, resamples },
        ),
    },
  ];
}

export function calibrateItems(studies: number): ItemRow[] {
  return questions().flatMap(({ what, how, items, truth, interval }) =>
    items.map((n): ItemRow => {
      const found = Array.from({ length: studies }, (_, study) => interval(n, study));
      const widths = found.map(({ low, high }) => high - low).sort((a, b) => a - b);
      return {
        what,
        how,
        items: n,
        coverage: found.filter(({ low, high }) => low <= truth && truth <= high).length / studies,
        width: widths[Math.floor(studies / 2)]!,
      };
    }),
  );
}
