import { WebDatasetError } from './errors.ts';

/**
 * Every `count`-th shard, beginning with number `index`: how nodes, and workers within a node, share a list without overlap.
 * Apply it once for nodes and once more for workers; split before shuffling, so that everyone cuts the same list.
 *
 * @throws WebDatasetError `invalid-argument` unless 0 ≤ index < count
 * @example
 * splitShards(splitShards(shards, rank, worldSize), worker, workers);
 */
export function splitShards<T>(shards: readonly T[], index: number, count: number): T[] {
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(index) || index < 0 || index >= count) {
    throw new WebDatasetError(
      'invalid-argument',
      `split: expected whole numbers with 0 ≤ index < count, got index ${index} and count ${count}`,
    );
  }
  return shards.filter((_, i) => i % count === index);
}
