/** The two random orders of OpenLM's reader, draw for draw. */
import { MixtureError } from '../mixture-error.ts';
import { type PythonRandom, pythonRandom } from './python-random.ts';

/**
 * Shards drawn with replacement, endlessly (its `ResampledShards2`, deterministic mode).
 *
 * @param options.seed of the reader; each is given its own
 * @param options.epoch counts intervals; the generator is seeded with `seed + epoch`
 * @param options.weights one per shard; equal unless given
 */
export function* resampledShards<T>(
  shards: readonly T[],
  options: { seed: number; epoch: number; weights?: readonly number[] | undefined },
): Generator<T, never> {
  const { seed, epoch, weights } = options;
  if (shards.length === 0) throw new MixtureError('empty-source', 'expected at least one shard to draw from, got none');
  if (weights !== undefined && weights.length !== shards.length)
    throw new MixtureError(
      'invalid-argument',
      `expected one weight for each of ${shards.length} shards, got ${weights.length}`,
    );
  const total = weights?.reduce((all, weight) => all + weight, 0) ?? 1;
  if (weights?.some((weight) => !(weight >= 0)) || !(total > 0 && Number.isFinite(total)))
    throw new MixtureError(
      'invalid-argument',
      `expected weights from 0 with a positive, finite sum, got ${weights!.join(', ')}`,
    );
  const random = pythonRandom(seed + epoch);
  const index = weights === undefined ? () => random.below(shards.length) : byWeight(weights, random);
  for (;;) yield shards[index()]!;
}

/** `choices(…, k=1)`: the first place whose running sum is above the draw. */
function byWeight(weights: readonly number[], random: PythonRandom): () => number {
  let sum = 0;
  const sums = weights.map((weight) => {
    sum += weight;
    return sum;
  });
  return () => {
    const drawn = random.random() * sum;
    const place = sums.findIndex((upTo) => drawn < upTo);
    return place < 0 ? weights.length - 1 : place;
  };
}

/**
 * Shuffles a stream through a buffer (its `detshuffle2`): filled by two for each item given out until it is full, given out at random
 * once it holds `initial`.
 *
 * @param options.epoch counts intervals; the generator is seeded with `seed + epoch`
 */
export function* bufferShuffle<T>(
  items: Iterable<T>,
  options: { seed: number; epoch: number; buffer: number; initial: number },
): Generator<T, void> {
  const initial = Math.min(options.initial, options.buffer);
  const random = pythonRandom(options.seed + options.epoch);
  const held: T[] = [];
  const draw = (): T => {
    const place = random.below(held.length);
    const drawn = held[place]!;
    held[place] = held.at(-1)!;
    held.pop();
    return drawn;
  };
  const source = items[Symbol.iterator]();
  for (let result = source.next(); !result.done; result = source.next()) {
    held.push(result.value);
    if (held.length < options.buffer) {
      const second = source.next();
      if (!second.done) held.push(second.value);
    }
    if (held.length >= initial) yield draw();
  }
  while (held.length > 0) yield draw();
}
