import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { decoderFlops } from '@vlm/model';
import type { Contestant } from './engine/contestant.ts';
import { startJit, startTorch } from './engine/contestants.ts';
import { writeProblem } from './engine/problem.ts';
import { productRate } from './engine/product-rate.ts';
import { type BenchmarkSize, sizes } from './engine/sizes.ts';

export interface EngineBenchmarkOptions {
  /** Names of sizes. */
  sizes: readonly string[];
  /** Each contestant trains for `stepsPerRound` steps in each round. */
  rounds: number;
  threads: number;
  /** An interpreter with PyTorch; where it has none, its columns stay empty. */
  python: string;
  json?: boolean;
}

/** One line of the table. */
interface Result {
  name: string;
  medianMs: Record<string, number>;
  peakBytes: Record<string, number>;
  firstStepMs: number;
  /** Of matrix products on this machine, in floating-point operations per second. */
  rate: number;
  /** What the step's products would take at that rate, over what the step takes. */
  gemmShare: number;
  /** Largest relative difference from the losses of `@vlm/jit`, over all steps. */
  lossDifference: number | null;
}

const stepsPerRound = 2;

/**
 * Time, memory and losses of a training step of the text decoder, AdamW and clipping included: `@vlm/jit` against PyTorch eager
 * and torch.compile, each in a process of its own, taking turns.
 */
export async function engineBenchmark(options: EngineBenchmarkOptions): Promise<void> {
  const unknown = options.sizes.find((name) => !sizes.some((size) => size.name === name));
  if (unknown) throw new Error(`Expected sizes among ${sizes.map(({ name }) => name).join(', ')}, got ${unknown}.`);
  const torch = torchVersion(options.python);
  console.log(
    torch
      ? `PyTorch ${torch}, ${options.threads} threads each.`
      : `No PyTorch in ${options.python}: name an interpreter that has it with --python or the variable PYTHON.`,
  );
  const results: Result[] = [];
  for (const size of sizes.filter(({ name }) => options.sizes.includes(name))) {
    const result = await compare(size, torch !== null, options);
    if (results.length === 0) printRow(headings);
    printRow(columns(result));
    results.push(result);
  }
  if (options.json) console.log(JSON.stringify({ sizes: results.map(summary) }));
}

async function compare(
  size: BenchmarkSize,
  hasTorch: boolean,
  { rounds, threads, python }: EngineBenchmarkOptions,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'vlm-bench-'));
  const contestants: Contestant[] = [];
  try {
    const problem = await writeProblem(directory, size);
    contestants.push(await startJit(problem, threads));
    for (const mode of hasTorch ? (['eager', 'compile'] as const) : []) {
      contestants.push(await startTorch(mode, python, problem, threads));
    }
    // The machine's speed wanders: its best before and after.
    let rate = await productRate(threads);
    const losses: Record<string, number[]> = {};
    const times: Record<string, number[]> = {};
    let firstStepMs = 0;
    for (const contestant of contestants) {
      touchMemory();
      const warmUp = await contestant.steps(2);
      losses[contestant.name] = warmUp.losses;
      times[contestant.name] = [];
      if (contestant.name === 'ours') firstStepMs = warmUp.milliseconds[0]!;
    }
    for (let round = 0; round < rounds; round++) {
      for (const contestant of contestants) {
        const result = await contestant.steps(stepsPerRound);
        times[contestant.name]!.push(...result.milliseconds);
        losses[contestant.name]!.push(...result.losses);
      }
    }
    rate = Math.max(rate, await productRate(threads));
    const peakBytes: Record<string, number> = {};
    for (const contestant of contestants) peakBytes[contestant.name] = await contestant.peakBytes();
    const medianMs = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
    const flops = size.batch * size.config.decoder.sequenceLength * decoderFlops(size.config.decoder).total;
    return {
      name: size.name,
      medianMs,
      peakBytes,
      firstStepMs,
      rate,
      gemmShare: flops / (medianMs['ours']! / 1000) / rate,
      lossDifference: hasTorch ? largestDifference(losses['ours']!, losses['eager']!) : null,
    };
  } finally {
    for (const contestant of contestants) contestant.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Has the memory at hand that first steps take. The host of a virtual machine takes back what lies unused, and hands it out again page by page: on such a
 * machine that took 1.5 s for 600 MiB, and 0.04 s right afterwards.
 */
function touchMemory(): void {
  execFileSync(process.execPath, ['-e', 'Buffer.alloc(2 ** 30, 1)']);
}

/** The version of PyTorch that an interpreter has, if any. */
function torchVersion(python: string): string | null {
  try {
    return execFileSync(python, ['-c', 'import torch; print(torch.__version__)'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/** Ratios ours / theirs; null where PyTorch is not installed. */
function summary({ name, medianMs, peakBytes, gemmShare }: Result): Record<string, string | number | null> {
  const ratio = (figures: Record<string, number>, to: string) =>
    figures[to] === undefined ? null : Number((figures['ours']! / figures[to]).toFixed(4));
  return {
    name,
    ratioToEager: ratio(medianMs, 'eager'),
    ratioToCompile: ratio(medianMs, 'compile'),
    peakMemoryRatio: ratio(peakBytes, 'eager'),
    gemmShare: Number(gemmShare.toFixed(4)),
  };
}

const headings = [
  'size',
  'ours',
  'eager',
  'compile',
  '/eager',
  '/compile',
  'memory',
  'eager',
  '/eager',
  'GFLOP/s',
  'share',
  'first',
  'loss ±',
];

function columns(result: Result): string[] {
  const { medianMs, peakBytes } = result;
  const ms = (name: string) => (medianMs[name] === undefined ? '–' : `${medianMs[name].toFixed(0)} ms`);
  const mb = (name: string) => (peakBytes[name] === undefined ? '–' : `${(peakBytes[name] / 2 ** 20).toFixed(0)} MiB`);
  const ratios = summary(result);
  const ratio = (key: string) => (typeof ratios[key] === 'number' ? ratios[key].toFixed(2) : '–');
  return [
    result.name,
    ...['ours', 'eager', 'compile'].map(ms),
    ratio('ratioToEager'),
    ratio('ratioToCompile'),
    mb('ours'),
    mb('eager'),
    ratio('peakMemoryRatio'),
    (result.rate / 1e9).toFixed(0),
    ratio('gemmShare'),
    `${(result.firstStepMs / 1000).toFixed(1)} s`,
    result.lossDifference === null ? '–' : result.lossDifference.toExponential(0),
  ];
}

const printRow = (cells: string[]) =>
  console.log(cells.map((cell, i) => (i ? cell.padStart(9) : cell.padEnd(6))).join(' '));

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle - 1)]!) / 2;
}

const largestDifference = (a: number[], b: number[]) =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!) / Math.abs(b[i]!)));

export const engineDefaults = {
  sizes: sizes.map(({ name }) => name),
  rounds: 5,
  threads: availableParallelism(),
  python: process.env['PYTHON'] ?? 'python3',
};
