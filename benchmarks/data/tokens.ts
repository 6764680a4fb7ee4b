import type { BenchRow } from './row.ts';

export async function tokensBenchmark(): Promise<BenchRow[]> {
  return [];
}
