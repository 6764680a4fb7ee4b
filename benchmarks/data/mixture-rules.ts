/**
 * How other libraries choose the source of the next sample, each put in our words from its documentation, as a few lines over the same
 * generator. All of them count samples: `weights` are shares of samples.
 */
import type { Random } from '@vlm/model';

export interface MixingRule {
  name: string;
  /** What decides. */
  how: string;
  /** Indices of sources, endless. */
  choose(weights: readonly number[], random: Random): Generator<number, never>;
}

function draw(weights: readonly number[], random: Random): number {
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return i;
  }
  return weights.length - 1;
}

function shuffled(list: number[], random: Random): number[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

/** Whole numbers that sum to `size`, in proportion: rounded down, the rest to the largest remainders. */
function countsIn(size: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const ideal = weights.map((weight) => (weight / sum) * size);
  const counts = ideal.map(Math.floor);
  const order = ideal.map((_, i) => i).sort((a, b) => ideal[b]! - counts[b]! - (ideal[a]! - counts[a]!));
  const left = size - counts.reduce((all, count) => all + count, 0);
  for (const i of order.slice(0, left)) counts[i]!++;
  return counts;
}

/** Blocks of a fixed size with fixed counts, each in random order. */
function* blocks(size: number, weights: readonly number[], random: Random): Generator<number, never> {
  const counts = countsIn(size, weights);
  for (;;)
    yield* shuffled(
      counts.flatMap((count, i) => new Array<number>(count).fill(i)),
      random,
    );
}

export const mixingRules: readonly MixingRule[] = [
  {
    name: 'OpenLM',
    how: 'a draw gives a whole batch of 256 to one source; process-wide generator, unseeded',
    *choose(weights, random) {
      for (;;) yield* new Array<number>(256).fill(draw(weights, random));
    },
  },
  {
    name: 'webdataset RandomMix',
    how: 'a draw per sample; process-wide generator, unseeded',
    *choose(weights, random) {
      for (;;) yield draw(weights, random);
    },
  },
  {
    name: 'Megatron Energon blend',
    how: 'a draw per sample, seeded by worker',
    *choose(weights, random) {
      for (;;) yield draw(weights, random);
    },
  },
  {
    name: 'HF interleave_datasets',
    how: 'a draw per sample, seeded (with probabilities)',
    *choose(weights, random) {
      for (;;) yield draw(weights, random);
    },
  },
  {
    name: 'MosaicML Streaming',
    how: 'counts fixed for an epoch (here 100,000 samples), order shuffled over it',
    choose: (weights, random) => blocks(100_000, weights, random),
  },
  {
    name: 'Levanter',
    how: 'counts fixed for each block of 2,048 samples, order shuffled within',
    choose: (weights, random) => blocks(2048, weights, random),
  },
  {
    name: 'Grain mix',
    how: 'the number of samples of each source is a rounded function of the place',
    *choose(weights) {
      const scale = 100 / Math.min(...weights); // it scales the least to 100 and cuts
      const parts = weights.map((weight) => Math.floor(weight * scale));
      const counts = (place: number): number[] => {
        let left = place;
        let sum = parts.reduce((all, part) => all + part, 0);
        return parts.map((part) => {
          const others = Math.floor((left * (sum - part)) / sum);
          const own = left - others;
          left = others;
          sum -= part;
          return own;
        });
      };
      let before = counts(0);
      for (let place = 1; ; place++) {
        const now = counts(place);
        yield now.findIndex((count, i) => count !== before[i]);
        before = now;
      }
    },
  },
  {
    name: 'Megatron-LM blending',
    how: 'the source furthest behind its share of the samples',
    *choose(weights) {
      const sum = weights.reduce((all, weight) => all + weight, 0);
      const given = weights.map(() => 0);
      for (let place = 0; ; place++) {
        const behind = weights.map((weight, i) => (weight / sum) * Math.max(place, 1) - given[i]!);
        const next = behind.indexOf(Math.max(...behind));
        given[next]!++;
        yield next;
      }
    },
  },
];
