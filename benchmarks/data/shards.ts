import type { BenchRow } from './row.ts';

export async function shardsBenchmark(): Promise<BenchRow[]> {
  return [];
}
