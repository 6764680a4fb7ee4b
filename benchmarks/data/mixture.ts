import type { BenchRow } from './row.ts';

export async function mixtureBenchmark(): Promise<BenchRow[]> {
  return [];
}
