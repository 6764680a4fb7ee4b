import { createRequire } from 'node:module';
import { cpus, platform, totalmem } from 'node:os';
import type { EvalRow } from '@vlm/evals';
import { createRandom } from '@vlm/model';
import type { TokenAccounting } from '@vlm/trainer';
import { readEvalItems, readPictures } from '../data/eval-items.ts';
import { type Phase, phasesOfArm, type Study } from '../graph.ts';
import { identityOf, numericsVersion } from '../identity.ts';
import { corpusFolder } from '../phases/corpus.ts';
import { rowsFile } from '../phases/evaluate.ts';
import type { PhaseRecord, Store } from '../store.ts';
import { StudyError } from '../study-error.ts';
import { compareArms } from './compare-arms.ts';
import type { CurvePoint, ModelResult, SampleAnswer, StudyResults, TokenAccount } from './results.ts';
import { scoreRows } from './score-rows.ts';

/** Reads what every finished phase left and puts it together. */
export async function collectResults(
  study: Study,
  store: Store,
  hash: string,
  onNote: (note: string) => void,
): Promise<StudyResults> {
  const { recipe } = study;
  const read = reader(study, store);
  const models: ModelResult[] = [];
  const rowsOf = new Map<string, EvalRow[]>();
  for (const seed of recipe.seeds) {
    for (const arm of recipe.arms) {
      const suffix = `${arm.id}/seed-${seed}`;
      const phases = phasesOfArm(study, suffix)!;
      const rows = await read.rows(phases.evaluate.id);
      const label = recipe.seeds.length > 1 ? `${arm.id}, seed ${seed}` : arm.id;
      const branch = await read.record(phases.branch.id);
      const finetune = await read.record(phases.finetune.id);
      onNote(`intervals of ${label}`);
      rowsOf.set(suffix, rows);
      models.push({
        id: suffix,
        label,
        arm,
        seed,
        scores: scoreRows(rows, { seed: `${seed}`, resamples: recipe.evaluate.bootstrapSamples }),
        curves: { branch: await read.curve(phases.branch.id), finetune: await read.curve(phases.finetune.id) },
        accounts: [...accounts('2 · image-text', branch), ...accounts('3 · fine-tuning', finetune)],
        branchTokens: branch.summary['branchTokens'] as number,
        parameters: finetune.summary['parameters'] as number,
      });
    }
    const rows = await read.rows(`evaluate/text-model/seed-${seed}`);
    models.push({
      id: `text-model/seed-${seed}`,
      label: recipe.seeds.length > 1 ? `text model, seed ${seed}` : 'text model, no images',
      seed,
      scores: scoreRows(rows, { seed: `${seed}`, resamples: recipe.evaluate.bootstrapSamples }),
      curves: {},
      accounts: [],
    });
  }
  onNote('comparisons and samples');
  return {
    version: 1,
    recipe,
    recipeHash: identityOf(recipe),
    models,
    mainCurves: await Promise.all(recipe.seeds.map(async (seed) => ({ seed, points: await read.mainCurve(seed) }))),
    comparisons: compareArms(recipe, rowsOf),
    samples: await sampleAnswers(study, store, rowsOf, models),
    encoder: (await read.record('encoder')).summary,
    corpus: (await read.record('corpus')).summary,
    skipped: await read.skipped(),
    phases: await read.phases(),
    versions: versions(hash, corpusPackages((await read.record('corpus')).summary)),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      platform: `${platform()} ${process.arch}`,
    },
  };
}

function reader(study: Study, store: Store) {
  const find = (id: string): Phase => {
    const phase = study.phases.find((candidate) => candidate.id === id);
    if (!phase) throw new StudyError('missing-artifact', `The study has no phase ${id}.`);
    return phase;
  };
  const record = async (id: string): Promise<PhaseRecord> => {
    const found = await store.record(find(id));
    if (!found) throw new StudyError('not-finished', `Phase ${id} is not finished; run the study first.`);
    return found;
  };
  const lines = async <Row>(id: string, file: string): Promise<Row[]> => {
    const bytes = await store.peek(find(id), file);
    return (bytes ? Buffer.from(bytes).toString('utf8') : '')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Row);
  };
  const curve = async (id: string): Promise<CurvePoint[]> =>
    (await lines<CurvePoint>(id, 'metrics.jsonl')).map(({ tokens, loss, lr }) => ({ tokens, loss, lr }));
  return {
    record,
    curve,
    rows: (id: string) => lines<EvalRow>(id, rowsFile),
    async mainCurve(seed: number): Promise<CurvePoint[]> {
      const pieces: string[] = [];
      let piece: string | undefined = find(`evaluate/text-model/seed-${seed}`).parents['model'];
      for (; piece !== undefined; piece = find(piece).continues) pieces.unshift(piece);
      return (await Promise.all(pieces.map(curve))).flat();
    },
    async skipped(): Promise<Record<string, number>> {
      const total: Record<string, number> = {};
      for (const phase of study.phases) {
        const counts = ((await store.record(phase))?.summary['skipped'] ?? {}) as Record<string, number>;
        for (const [what, n] of Object.entries(counts)) if (n > 0) total[`${phase.id}: ${what}`] = n;
      }
      return total;
    },
    async phases(): Promise<StudyResults['phases']> {
      const records = await Promise.all(study.phases.map((phase) => store.record(phase)));
      return records
        .filter((found) => found !== undefined)
        .map(({ id, hash, seconds, peakBytes, hardware }) => ({ id, hash, seconds, peakBytes, hardware }));
    },
  };
}

function accounts(phase: string, { summary }: PhaseRecord): TokenAccount[] {
  const mixture = summary['mixture'] as Record<
    string,
    { plannedShare: number; plannedTokens: number; deliveredTokens: number }
  >;
  const accounting = summary['accounting'] as TokenAccounting;
  return Object.entries(mixture).map(([source, figures]) => ({
    phase,
    source,
    ...figures,
    truncatedTokens: accounting.sources[source]?.truncated ?? 0,
    paddingTokens: accounting.padding,
  }));
}

/** Items drawn by the recipe's first seed, among those that every arm was asked with their own picture. */
async function sampleAnswers(
  study: Study,
  store: Store,
  rowsOf: ReadonlyMap<string, EvalRow[]>,
  models: readonly ModelResult[],
): Promise<SampleAnswer[]> {
  const { recipe } = study;
  const [first] = rowsOf.values();
  const asked = (first ?? []).filter((row) => row.condition === 'image');
  const random = createRandom(`samples/${recipe.seeds[0]}`);
  const chosen: EvalRow[] = [];
  while (chosen.length < Math.min(recipe.evaluate.sampleItems, asked.length)) {
    const row = asked[Math.floor(random.uniform() * asked.length)]!;
    if (!chosen.includes(row)) chosen.push(row);
  }
  const corpusPhase = study.phases.find((phase) => phase.kind === 'corpus')!;
  await store.fetch(corpusPhase);
  const corpus = corpusFolder(store.phaseDirectory(corpusPhase));
  const items = await readEvalItems(corpus);
  const pictures = await readPictures(corpus, items.pictures, new Set(chosen.map((row) => row.id)));
  return chosen.map((row) => ({
    itemId: row.id,
    task: row.task,
    type: row.type,
    split: row.split,
    question: row.prompt,
    expected: row.expected,
    image: Buffer.from(pictures.get(row.id) ?? new Uint8Array()).toString('base64'),
    answers: [...rowsOf].map(([model, rows]) => {
      const answer = rows.find((candidate) => candidate.id === row.id && candidate.condition === 'image');
      const { label } = models.find(({ id }) => id === model)!;
      return { model: label, output: answer?.output ?? '', score: answer?.score ?? 0 };
    }),
  }));
}

function versions(reportHash: string, packages: Record<string, string>): Record<string, string> {
  const require = createRequire(import.meta.url);
  const versionOf = (from: NodeRequire, name: string): string =>
    (from(`${name}/package.json`) as { version: string }).version;
  const engine = createRequire(require.resolve('@vlm/jit/package.json'));
  return {
    'staged-vlm': versionOf(require, '@vlm/study'),
    numerics: String(numericsVersion),
    node: process.versions.node,
    'onnxruntime-node': versionOf(engine, 'onnxruntime-node'),
    '@tensorflow/tfjs-core': versionOf(engine, '@tensorflow/tfjs-core'),
    ...packages,
    report: reportHash,
  };
}

/** Versions of the packages that the corpus was built from. */
function corpusPackages(summary: Record<string, unknown>): Record<string, string> {
  return (summary['manifest'] as { packages?: Record<string, string> }).packages ?? {};
}
