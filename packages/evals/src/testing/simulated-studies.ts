/**
 * Studies of which the truth is known, to see how often intervals hold it: answers of several seeds to the same questions, right where a
 * sum of normal effects (of the seed, of the question, of both together) passes a threshold.
 */
import type { Random } from '../random.ts';
import { normalCdf, normalQuantile } from '../statistics/normal.ts';

export interface StudyShape {
  seeds: number;
  items: number;
  /** Expected score. */
  accuracy: number;
  /** Shares of the variance behind an answer; what is left belongs to question and seed together. */
  ofSeeds: number;
  ofItems: number;
}

/** A standard normal number (Box and Muller 1958). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** Scores 0 and 1, one list per seed; over new seeds and questions they are right with probability `accuracy`. */
export function simulatedRuns(random: Random, shape: StudyShape): number[][] {
  const { seeds, items, accuracy, ofSeeds, ofItems } = shape;
  const threshold = -normalQuantile(accuracy);
  const perItem = Array.from({ length: items }, () => Math.sqrt(ofItems) * normal(random));
  return Array.from({ length: seeds }, () => {
    const ofSeed = Math.sqrt(ofSeeds) * normal(random);
    const rest = Math.sqrt(1 - ofSeeds - ofItems);
    return perItem.map((item) => (ofSeed + item + rest * normal(random) > threshold ? 1 : 0));
  });
}

/**
 * Two arms of equal design on the same questions: their difficulty is shared in part, as far as `shared` (0 to 1) says; seeds are the arms' own.
 * @param gain true difference of A and B
 */
export function simulatedPair(
  random: Random,
  shape: StudyShape & { gain: number; shared: number },
): { a: number[][]; b: number[][] } {
  const { seeds, items, accuracy, ofSeeds, ofItems, gain, shared } = shape;
  const difficulty = Array.from({ length: items }, () => normal(random));
  const arm = (expected: number): number[][] => {
    const threshold = -normalQuantile(expected);
    const own = difficulty.map(
      (common) => Math.sqrt(ofItems) * (Math.sqrt(shared) * common + Math.sqrt(1 - shared) * normal(random)),
    );
    return Array.from({ length: seeds }, () => {
      const ofSeed = Math.sqrt(ofSeeds) * normal(random);
      const rest = Math.sqrt(1 - ofSeeds - ofItems);
      return own.map((item) => (ofSeed + item + rest * normal(random) > threshold ? 1 : 0));
    });
  };
  return { a: arm(accuracy + gain / 2), b: arm(accuracy - gain / 2) };
}

/**
 * The share of the variance behind an answer at which seeds scatter an accuracy by so much, by bisection.
 * @param deviation standard deviation over seeds of the expected accuracy
 */
export function shareOfSeeds(accuracy: number, deviation: number): number {
  const threshold = -normalQuantile(accuracy);
  const scatter = (share: number): number => {
    let [sum, squares, total] = [0, 0, 0];
    for (let i = -200; i <= 200; i++) {
      const x = i / 40;
      const weight = Math.exp((-x * x) / 2);
      const p = normalCdf((Math.sqrt(share) * x - threshold) / Math.sqrt(1 - share));
      sum += weight * p;
      squares += weight * p * p;
      total += weight;
    }
    return Math.sqrt(Math.max(0, squares / total - (sum / total) ** 2));
  };
  let [low, high] = [0, 0.99];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (scatter(middle) < deviation) low = middle;
    else high = middle;
  }
  return low;
}
