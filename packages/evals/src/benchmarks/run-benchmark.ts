/** Asks a model the questions of a published benchmark and reports upstream's figures. */
import { EvalsError } from '../errors.ts';
import { runVision, type VisionOptions } from '../running/run-vision.ts';
import { pythonStrip } from '../scoring/python-text.ts';
import { type StableScore, stableScore, visionStableTasks } from '../scoring/stable-score.ts';
import type { Condition, EvalModel, EvalRow, ScoringMode } from '../types.ts';
import type { BenchmarkItem } from './benchmark.ts';
import { type BenchmarkName, benchmarkOf } from './benchmarks.ts';

export interface BenchmarkOptions<Image>
  extends Pick<VisionOptions<Image>, 'conditions' | 'batchSize' | 'maxNewTokens' | 'seed' | 'onProgress'> {
  /** The picture of an item, in whatever form the model takes. */
  image: (item: BenchmarkItem) => Image | undefined;
  /** Default `official`: figures to be set beside the paper's. */
  mode?: ScoringMode;
  /** Puts a conversation template around the human's turn. Default: `In: …\nOut:`, as the paper's models were asked. */
  template?: (turn: string) => string;
}

export interface BenchmarkResult {
  benchmark: BenchmarkName;
  mode: ScoringMode;
  /** Upstream's figures under upstream's names, per condition that was asked, and for the best constant answer. Figures of splits that were not asked are left out. */
  metrics: Partial<Record<Condition, Record<string, number>>>;
  rows: EvalRow[];
}

/** The paper's conversation template (prismatic's `pure`): without the marks of images in the text, and stripped. */
export function purePrompt(turn: string): string {
  return `In: ${pythonStrip(turn.replaceAll('<image>', ''))}\nOut:`;
}

/**
 * @param items of `readBenchmark` or `readIndexFile`
 * @throws EvalsError as `runVision`
 * @example
 * const result = await runBenchmark('gqa', model, await readBenchmark('gqa', 'data/gqa'), { image: ({ image }) => `images/${image}` });
 * result.metrics.image?.accuracy; // percent
 */
export async function runBenchmark<Image>(
  name: BenchmarkName,
  model: EvalModel<Image>,
  items: readonly BenchmarkItem[],
  options: BenchmarkOptions<Image>,
): Promise<BenchmarkResult> {
  const benchmark = benchmarkOf(name);
  const { mode = 'official', template = purePrompt, image, ...rest } = options;
  const byId = new Map(items.map((item) => [item.id, item]));
  const rows = await runVision(model, items, {
    maxNewTokens: 128,
    ...rest,
    task: name,
    image: (item) => image(byId.get(item.id)!),
    imageKey: (item) => byId.get(item.id)!.image,
    format: (item) => template(benchmark.prompt(byId.get(item.id)!)),
    scoring: { ...benchmark.scoring, mode },
    ...(benchmark.yesNo ? { yesNo: benchmark.yesNo } : {}),
  });
  const conditions = [...new Set(rows.map(({ condition }) => condition))];
  const metrics = Object.fromEntries(
    conditions.map((condition) => {
      const own = rows.filter((row) => row.condition === condition);
      const figures = Object.entries(benchmark.metrics(own, items, mode));
      return [condition, Object.fromEntries(figures.filter(([, value]) => value !== undefined))];
    }),
  );
  return { benchmark: name, mode, metrics, rows };
}

/**
 * The paper's Vision Stable Score from results of its six benchmarks.
 *
 * @param results of full sets; one result a benchmark, all of one mode
 * @returns no score, but the list of what is missing, where it is incomplete
 * @throws EvalsError INVALID_OPTION when modes are mixed or a benchmark occurs twice
 */
export function visionStableScore(results: readonly BenchmarkResult[], condition: Condition = 'image'): StableScore {
  const names = results.map(({ benchmark }) => benchmark);
  if (new Set(names).size !== names.length || new Set(results.map(({ mode }) => mode)).size > 1)
    throw new EvalsError(
      'INVALID_OPTION',
      `Stable score: expected each benchmark once and one mode, got ${results.map(({ benchmark, mode }) => `${benchmark} (${mode})`).join(', ')}.`,
    );
  const accuracies = results.flatMap(({ benchmark, metrics }) => {
    const metric = benchmarkOf(benchmark).stableMetric;
    return metric === undefined ? [] : [[benchmark, metrics[condition]?.[metric]] as const];
  });
  return stableScore(Object.fromEntries(accuracies), visionStableTasks);
}
