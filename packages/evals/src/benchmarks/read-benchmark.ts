/** From the published files of a benchmark to its items, whole or in upstream's subsets. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EvalsError } from '../errors.ts';
import { slimSubset } from '../python-random.ts';
import type { Benchmark, BenchmarkItem } from './benchmark.ts';
import { type BenchmarkName, benchmarkOf } from './benchmarks.ts';

export interface ReadBenchmarkOptions {
  /** So many questions (of each split, where upstream counts by split): upstream's slim set of that size. Default: all. */
  slim?: number;
  /** Whether a full set must have as many questions as were published. Default true: a cut file is an error, not a smaller denominator. */
  checkCounts?: boolean;
}

/**
 * Reads a benchmark as it was published.
 *
 * @param folder holds the files under their published names (`benchmarks[name].files`)
 * @returns items in upstream's order: all questions shuffled once by Python's `Random(21)`; a slim set is a prefix of it
 * @throws EvalsError MISSING_FILE, BROKEN_FILE, DUPLICATE_ID, WRONG_COUNT, INVALID_OPTION
 * @example
 * const items = await readBenchmark('pope', 'data/pope', { slim: 1024 }); // 3 × 1,024 questions
 */
export async function readBenchmark(
  name: BenchmarkName,
  folder: string,
  options: ReadBenchmarkOptions = {},
): Promise<BenchmarkItem[]> {
  const benchmark = benchmarkOf(name);
  const items = benchmark.read(await readFiles(benchmark, folder));
  if (options.checkCounts ?? true) checkCounts(benchmark, items);
  return inUpstreamOrder(benchmark, items, options.slim);
}

/** Shuffled once, then the first of each group. @throws EvalsError DUPLICATE_ID, INVALID_OPTION */
export function inUpstreamOrder(benchmark: Benchmark, items: readonly BenchmarkItem[], slim?: number): BenchmarkItem[] {
  if (slim !== undefined && (!Number.isInteger(slim) || slim < 1))
    throw new EvalsError('INVALID_OPTION', `slim: expected a positive integer, got ${slim}.`);
  const keyOf = benchmark.subsetKey ?? (({ id }: BenchmarkItem) => id);
  const byKey = new Map<string, BenchmarkItem[]>();
  const ids = new Set<string>();
  for (const item of items) {
    if (ids.has(item.id))
      throw new EvalsError('DUPLICATE_ID', `${benchmark.name}: the question ${JSON.stringify(item.id)} occurs twice.`);
    ids.add(item.id);
    byKey.set(keyOf(item), [...(byKey.get(keyOf(item)) ?? []), item]);
  }
  const groupOf = benchmark.slimPer === 'split' ? (key: string) => byKey.get(key)![0]!.split : undefined;
  return slimSubset([...byKey.keys()], slim, groupOf).flatMap((key) => byKey.get(key)!);
}

function checkCounts({ name, counts }: Benchmark, items: readonly BenchmarkItem[]): void {
  for (const [split, expected] of Object.entries(counts)) {
    const got = split === 'all' ? items.length : items.filter((item) => item.split === split).length;
    if (got !== expected)
      throw new EvalsError(
        'WRONG_COUNT',
        `${name}: expected ${expected} questions${split === 'all' ? '' : ` of ${split}`}, got ${got}; is the file whole? For a set of one's own: checkCounts: false.`,
      );
  }
}

async function readFiles({ name, files }: Benchmark, folder: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const file of files) {
    try {
      const names = file.endsWith('/') ? (await readdir(join(folder, file))).map((one) => `${file}${one}`) : [file];
      for (const one of names) found.set(one, await readFile(join(folder, one)));
    } catch (error) {
      throw new EvalsError(
        'MISSING_FILE',
        `${name}: expected ${file} in ${folder}: ${(error as Error).message}; the benchmark's files are ${files.join(', ')}.`,
        { cause: error },
      );
    }
  }
  return found;
}
