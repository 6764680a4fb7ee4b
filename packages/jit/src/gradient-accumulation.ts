/** Several micro-batches for one update: their gradients, weighted and summed where the optimizer reads them. */
import type { Arena } from './arena.ts';
import type { MicroBatch, NamedArrays } from './engine.ts';
import { JitError } from './jit-error.ts';
import { copyArrays } from './signature-check.ts';

/** What a forward and backward pass reports. */
export interface PassResult {
  loss: number;
  metrics: Record<string, number>;
}

/**
 * The micro-batches with their arrays as they are now, see `copyArrays`.
 * @throws {JitError} `invalid-batch`
 */
export function copyMicroBatches(microBatches: readonly MicroBatch[]): MicroBatch[] {
  if (!Array.isArray(microBatches)) {
    throw new JitError(
      'invalid-batch',
      `Accumulation: expected an array of { variant, batch, weight }, got ${microBatches === null ? 'null' : typeof microBatches}.`,
    );
  }
  return microBatches.map((each: MicroBatch | undefined, i) => {
    const batch = copyArrays(`Micro-batch ${i}`, each?.batch as NamedArrays);
    return { ...(each as MicroBatch), batch };
  });
}

/**
 * Micro-batches that count, in their order, with `weight` replaced by their share of the whole.
 * @throws {JitError} `invalid-batch` for a weight that is no number ≥ 0, or where all are 0
 */
export function sharesOf(microBatches: readonly MicroBatch[]): MicroBatch[] {
  for (const [i, { weight }] of microBatches.entries()) {
    if (typeof weight === 'number' && Number.isFinite(weight) && weight >= 0) continue;
    throw new JitError('invalid-batch', `Micro-batch ${i}: expected weight to be a finite number ≥ 0, got ${weight}.`);
  }
  const total = microBatches.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) {
    throw new JitError(
      'invalid-batch',
      `Accumulation: expected a micro-batch with a weight above 0, got ${microBatches.length} without; leave such an update out.`,
    );
  }
  return microBatches.filter(({ weight }) => weight > 0).map((each) => ({ ...each, weight: each.weight / total }));
}

/**
 * Leaves Σ share · gradient in the gradients of the arena, in the order of the micro-batches. One buffer of their size is kept for the sum;
 * products and sums are taken in float64 and rounded to float32 once per micro-batch.
 *
 * @param shares of two micro-batches or more, from `sharesOf`
 * @param backward fills the gradients of the arena
 * @returns the weighted means of loss and metrics; a metric that only some report is averaged over those
 */
export async function accumulateGradients(
  arena: Arena,
  shares: readonly MicroBatch[],
  backward: (microBatch: MicroBatch) => PassResult | Promise<PassResult>,
): Promise<PassResult> {
  const { gradientRegion: gradient, gradientSum: sum } = arena;
  const results: PassResult[] = [];
  for (const [i, microBatch] of shares.entries()) {
    results.push(await backward(microBatch));
    const { weight } = microBatch;
    if (i === 0) scaleInto(sum, gradient, weight);
    else addInto(i === shares.length - 1 ? gradient : sum, sum, gradient, weight);
  }
  return meanOf(results, shares);
}

function scaleInto(target: Float32Array, x: Float32Array, scale: number): void {
  for (let i = 0; i < target.length; i++) target[i] = scale * x[i]!;
}

function addInto(target: Float32Array, sum: Float32Array, x: Float32Array, scale: number): void {
  for (let i = 0; i < target.length; i++) target[i] = sum[i]! + scale * x[i]!;
}

function meanOf(results: readonly PassResult[], shares: readonly MicroBatch[]): PassResult {
  const mean = (values: readonly (number | undefined)[]): number => {
    let total = 0;
    let weights = 0;
    for (const [i, value] of values.entries()) {
      if (value === undefined) continue;
      total += shares[i]!.weight * value;
      weights += shares[i]!.weight;
    }
    return total / weights;
  };
  const names = [...new Set(results.flatMap(({ metrics }) => Object.keys(metrics)))];
  return {
    loss: mean(results.map(({ loss }) => loss)),
    metrics: Object.fromEntries(names.map((name) => [name, mean(results.map(({ metrics }) => metrics[name]))])),
  };
}
