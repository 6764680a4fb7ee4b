/** What a published benchmark is, as plain data and two functions: from its files to items, from rows to its authors' figures. */
import { EvalsError } from '../errors.ts';
import type { Scoring } from '../tasks/score-outputs.ts';
import type { EvalRow, VisionItem } from '../types.ts';

/** A question of a published benchmark; `image` is the picture's path below the folder of pictures, as the benchmark names it. */
export interface BenchmarkItem extends VisionItem {
  image: string;
  /** Answers that the prompt lists; the target compares their letters. */
  choices?: string[];
}

/** The published files of a benchmark, by the names under which they were looked for. */
export type BenchmarkFiles = ReadonlyMap<string, Uint8Array>;

export interface Benchmark {
  name: string;
  /** Published file names, relative to the benchmark's folder; one that ends in `/` stands for all files in that folder. */
  files: readonly string[];
  /** Questions in the full set, by split. What is published differs from what upstream asserts only for POPE. */
  counts: Readonly<Record<string, number>>;
  /** Whether slim sets take so many of each split, or of all questions. */
  slimPer: 'split' | 'all';
  /** Items with the same key are chosen together. Default: the id. */
  subsetKey?(item: BenchmarkItem): string;
  /** Items in the order of the files: subsets depend on it. */
  read(files: BenchmarkFiles): BenchmarkItem[];
  /** The human's turn of the prompt. */
  prompt(item: BenchmarkItem): string;
  scoring: Omit<Scoring, 'mode'>;
  /** What is compared for yes/no questions. */
  yesNo?: { yes: string; no: string; generate: false };
  /**
   * The figures that upstream reports, under its names; `undefined` where their questions were not asked.
   * @param rows of one condition, one per item
   */
  metrics(
    rows: readonly EvalRow[],
    items: readonly BenchmarkItem[],
    mode: 'official' | 'fixed',
  ): Record<string, number | undefined>;
  /** Which of the metrics the paper's stable score takes. */
  stableMetric?: string;
}

/** The text of a file. @throws EvalsError MISSING_FILE */
export function textOf(files: BenchmarkFiles, name: string): string {
  return new TextDecoder().decode(bytesOf(files, name));
}

/** @throws EvalsError MISSING_FILE */
export function bytesOf(files: BenchmarkFiles, name: string): Uint8Array {
  const bytes = files.get(name);
  if (!bytes)
    throw new EvalsError('MISSING_FILE', `Expected the file ${name}, got ${[...files.keys()].join(', ') || 'none'}.`);
  return bytes;
}

/** The field of a published record, with its type checked. @throws EvalsError BROKEN_FILE */
export function field<Kind extends 'string' | 'number' | 'boolean'>(
  record: unknown,
  name: string,
  kind: Kind,
  where: string,
): { string: string; number: number; boolean: boolean }[Kind] {
  const value = (record as Record<string, unknown> | null)?.[name];
  if (typeof value !== kind)
    throw new EvalsError(
      'BROKEN_FILE',
      `${where}: expected "${name}" to be a ${kind}, got ${JSON.stringify(value)?.slice(0, 60)}; is it the published file?`,
    );
  return value as { string: string; number: number; boolean: boolean }[Kind];
}

/** A list in a published record. @throws EvalsError BROKEN_FILE */
export function list(record: unknown, name: string, where: string): unknown[] {
  const value = name === '' ? record : (record as Record<string, unknown> | null)?.[name];
  if (!Array.isArray(value))
    throw new EvalsError(
      'BROKEN_FILE',
      `${where}: expected ${name === '' ? 'a list' : `"${name}" to be a list`}, got ${JSON.stringify(value)?.slice(0, 60)}.`,
    );
  return value;
}

/** Mean score, 0 to 1; none without rows, where upstream divides by zero. */
export function accuracy(rows: readonly EvalRow[]): number | undefined {
  return rows.length === 0 ? undefined : rows.reduce((sum, { score }) => sum + score, 0) / rows.length;
}

export function ofSplit(rows: readonly EvalRow[], split: string): EvalRow[] {
  return rows.filter((row) => row.split === split);
}
