import { existsSync } from 'node:fs';
import type { PhaseStatus } from '../executor.ts';
import { type Phase, phasesOfArm, type Study } from '../graph.ts';
import { identityOf } from '../identity.ts';
import { phaseLogFile } from '../phase-log.ts';
import { readRows, rowsFile } from '../phases/evaluate.ts';
import type { ScoreRow } from '../report/results.ts';
import { scoreRows } from '../report/score-rows.ts';
import type { Store } from '../store.ts';

/** One phase as a watcher sees it from the store alone. */
export interface WatchedPhase {
  id: string;
  kind: string;
  /** `under-way`: somebody is at it; `stopped`: begun, and nobody is at it; `queued` and `failed`: as the executor says. */
  state: 'done' | 'under-way' | 'stopped' | 'to-do' | 'queued' | 'failed';
  seconds?: number;
  step?: number;
  loss?: number;
  /** Units a second, such as `1200 tokens/s`. */
  rate?: string;
  /** Who is at it, or did it. */
  host?: string;
}

/** Losses of one training phase, thinned out. */
export interface WatchedCurve {
  id: string;
  kind: string;
  points: [step: number, loss: number][];
}

/** Scores of a finished evaluation: points of a hundred with 95 % interval, or bits per byte. */
export interface WatchedScore {
  model: string;
  measure: string;
  value: number;
  low: number;
  high: number;
}

export interface WatchState {
  recipe: string;
  /** Whether anybody runs it at this moment. */
  running: boolean;
  phases: WatchedPhase[];
  curves: WatchedCurve[];
  scores: WatchedScore[];
  hasReport: boolean;
}

const curvePoints = 120;
/** Fewer than in the report: these numbers are looked at while they come. */
const watchResamples = 500;

/**
 * Reads the state of a study from its store again and again; what is finished is read once.
 *
 * @param live what an executor says of the phases; without it, phases elsewhere are seen as they last saved their progress
 */
export function createWatcher(
  study: Study,
  store: Store,
  live?: () => Promise<PhaseStatus[]>,
): () => Promise<WatchState> {
  const liveCurves = createLiveCurves();
  const scoresOf = new Map<string, WatchedScore[]>();
  const doneCurves = new Map<string, WatchedCurve>();
  const models = evaluationsByModel(study);

  const watchPhase = async (
    phase: Phase,
    status: PhaseStatus | undefined,
  ): Promise<[WatchedPhase, WatchedCurve | undefined]> => {
    const record = await store.record(phase);
    const known = doneCurves.get(phase.hash);
    const stored = known ?? (await readCurve(phase, store));
    if (record && stored) doneCurves.set(phase.hash, stored);
    const curve = record ? stored : liveCurves(phase, stored, status);
    const last = curve?.points.at(-1);
    const host = record?.hardware?.host ?? status?.host;
    const { rate, unit = 'items' } = status?.progress ?? {};
    const watched: WatchedPhase = {
      id: phase.id,
      kind: phase.kind,
      state: record ? 'done' : (liveState(status) ?? (await unfinishedState(store, phase))),
      ...(record ? { seconds: record.seconds } : {}),
      ...(last ? { step: last[0], loss: last[1] } : {}),
      ...(host ? { host } : {}),
      ...(rate !== undefined && !record ? { rate: `${Math.round(rate)} ${unit}/s` } : {}),
    };
    return [watched, curve];
  };

  return async () => {
    const statuses = new Map((await live?.())?.map((status) => [status.phase.id, status]));
    const watched = await Promise.all(study.phases.map((phase) => watchPhase(phase, statuses.get(phase.id))));
    const running =
      watched.some(([{ state }]) => state === 'under-way') ||
      (await store.runs()).some((run) => run.study === identityOf(study.recipe));
    const done = new Set(watched.flatMap(([phase]) => (phase.state === 'done' ? [phase.id] : [])));
    for (const [model, phase] of models) {
      if (!done.has(phase.id) || scoresOf.has(model)) continue;
      await store.fetch(phase, { files: (path) => path === rowsFile });
      scoresOf.set(model, headlineScores(model, await readRows(store.phaseDirectory(phase))));
    }
    return {
      recipe: study.recipe.name,
      running,
      phases: watched.map(([phase]) => phase),
      curves: watched.flatMap(([, curve]) => (curve ? [curve] : [])),
      scores: [...models.keys()].flatMap((model) => scoresOf.get(model) ?? []),
      hasReport: done.has('report'),
    };
  };
}

function evaluationsByModel(study: Study): Map<string, Phase> {
  const { arms, seeds } = study.recipe;
  const names = seeds.flatMap((seed) => arms.map(({ id }) => `${id}/seed-${seed}`));
  return new Map(names.map((name) => [name, phasesOfArm(study, name)!.evaluate]));
}

async function unfinishedState(store: Store, phase: Phase): Promise<WatchedPhase['state']> {
  if (await store.claimant(phase)) return 'under-way';
  const isBegun = existsSync(store.phaseDirectory(phase)) || (await store.peek(phase, phaseLogFile)) !== undefined; // here, or elsewhere
  return isBegun ? 'stopped' : 'to-do';
}

function liveState(status: PhaseStatus | undefined): WatchedPhase['state'] | undefined {
  if (status?.state === 'running') return 'under-way';
  if (status?.state === 'queued' || status?.state === 'failed') return status.state;
  return undefined;
}

/** Goes on with what the store has of a curve by the losses that an executor told since. */
function createLiveCurves(): (
  phase: Phase,
  stored: WatchedCurve | undefined,
  status: PhaseStatus | undefined,
) => WatchedCurve | undefined {
  const told = new Map<string, WatchedCurve['points']>();
  return (phase, stored, status) => {
    const { step, loss } = status?.progress ?? {};
    const points = told.get(phase.hash) ?? [];
    if (step !== undefined && loss !== undefined && step !== points.at(-1)?.[0]) points.push([step, loss]);
    told.set(phase.hash, points);
    const from = stored?.points.at(-1)?.[0] ?? -1;
    const later = points.filter(([at]) => at > from);
    if (!stored && later.length === 0) return undefined;
    return { id: phase.id, kind: phase.kind, points: [...(stored?.points ?? []), ...later] };
  };
}

/** A metrics file may end in half a line while it is being written; that line is left for the next look. */
async function readCurve(phase: Phase, store: Store): Promise<WatchedCurve | undefined> {
  const bytes = await store.peek(phase, 'metrics.jsonl');
  const text = bytes ? Buffer.from(bytes).toString('utf8') : '';
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  lines.pop();
  if (lines.length === 0) return undefined;
  const every = Math.ceil(lines.length / curvePoints);
  const points = lines
    .filter((_, i) => i % every === 0 || i === lines.length - 1)
    .map((line): [number, number] => {
      const { step, loss } = JSON.parse(line) as { step: number; loss: number };
      return [step, loss];
    });
  return { id: phase.id, kind: phase.kind, points };
}

const headlines: readonly [name: string, is: (row: ScoreRow) => boolean][] = [
  ['vision score', (row) => row.task === 'vision score' && row.condition === 'image'],
  ['… without the picture', (row) => row.task === 'vision score' && row.condition === 'no-image'],
  [
    'open questions',
    (row) =>
      row.task === 'open-vqa' && row.split === 'new-scene' && row.condition === 'image' && row.metric === 'accuracy',
  ],
  ['bits per byte', (row) => row.task === 'bits-per-byte' && row.condition === 'text'],
];

function headlineScores(model: string, rows: Parameters<typeof scoreRows>[0]): WatchedScore[] {
  const scores = scoreRows(rows, { seed: 'watch', resamples: watchResamples }).filter((row) => row.type === 'all');
  return headlines.flatMap(([measure, is]) => {
    const row = scores.find(is);
    if (!row) return [];
    const scale = measure === 'bits per byte' ? 1 : 100;
    return [{ model, measure, value: scale * row.value, low: scale * row.low, high: scale * row.high }];
  });
}
