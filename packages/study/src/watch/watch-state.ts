import { existsSync } from 'node:fs';
import type { PhaseStatus } from '../executor.ts';
import { type Phase, phasesOfArm, prerequisites, type Study } from '../graph.ts';
import { hardwareText } from '../hardware.ts';
import { identityOf } from '../identity.ts';
import { phaseLogFile } from '../phase-log.ts';
import { readRows, rowsFile } from '../phases/evaluate.ts';
import { ownMetrics } from '../report/read-phases.ts';
import type { ScoreRow } from '../report/results.ts';
import { meanScores, scoreRows, visionScoreTask } from '../report/score-rows.ts';
import type { PhaseRecord, Store } from '../store.ts';
import { type WatchTimes, watchTimes } from './watch-times.ts';

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
  /** 0 to 1, of one that is under way. */
  fraction?: number;
  /** What it is doing, where it has no steps. */
  note?: string;
  /** Until its end, of one that is under way. */
  secondsLeft?: number;
  /** Who is at it, or did it, and what that machine is. */
  host?: string;
  machine?: string;
}

/** One model on its way: an arm at a seed. */
export interface WatchedArm {
  model: string;
  /** The phase that it is at, or waits for; undefined when it is evaluated. */
  at?: string;
  /** Of the phases that lead to it, those that are done, and all. */
  done: number;
  phases: number;
  /** Until it is evaluated, if its phases never wait for a worker. */
  secondsLeft: number;
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
  arms: WatchedArm[];
  phases: WatchedPhase[];
  curves: WatchedCurve[];
  scores: WatchedScore[];
  /** Finished evaluations whose scores are not among them yet: each look reads one, for it takes seconds. */
  unread: number;
  hasReport: boolean;
}

const curvePoints = 120;
/** Fewer than in the report: these numbers are looked at while they come. */
const watchResamples = 500;

/**
 * Reads the state of a study from its store again and again; what is finished is read once.
 *
 * @param live what an executor says of the phases; without it, phases are seen as they last saved their progress
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
  const chains = new Map([...models].map(([model, evaluate]) => [model, phasesBefore(study, evaluate)]));
  let times: Promise<WatchTimes> | undefined;

  const watchPhase = async (
    phase: Phase,
    status: PhaseStatus | undefined,
  ): Promise<[WatchedPhase, WatchedCurve | undefined]> => {
    const record = await store.record(phase);
    const known = doneCurves.get(phase.hash);
    const stored = known ?? (await readCurve(study, phase, store));
    if (record && stored) doneCurves.set(phase.hash, stored);
    const curve = record ? stored : liveCurves(phase, stored, status);
    const last = curve?.points.at(-1);
    times ??= watchTimes(study, store);
    const { observe, ofPhase } = await times;
    observe(phase, record, status);
    const state = record ? 'done' : (liveState(status) ?? (await unfinishedState(store, phase)));
    const watched: WatchedPhase = {
      id: phase.id,
      kind: phase.kind,
      state,
      ...(record ? { seconds: record.seconds } : {}),
      ...(last ? { step: last[0], loss: last[1] } : {}),
      ...whereabouts(record, status),
      ...(state === 'under-way' ? { ...progressOf(status), secondsLeft: ofPhase(phase) } : {}),
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
    const [next, ...unread] = [...models].filter(([model, { id }]) => done.has(id) && !scoresOf.has(model));
    if (next) {
      const [model, phase] = next;
      await store.fetch(phase, { files: (path) => path === rowsFile });
      scoresOf.set(model, headlineScores(model, await readRows(store.phaseDirectory(phase))));
    }
    const { untilEnd } = await times!;
    const states = new Map(watched.map(([phase]) => [phase.id, phase.state]));
    return {
      recipe: study.recipe.name,
      running,
      arms: [...models].map(([model, evaluate]): WatchedArm => {
        const chain = chains.get(model)!;
        const open = chain.filter(({ id }) => !done.has(id));
        const at = open.find(({ id }) => states.get(id) === 'under-way') ?? open[0];
        return {
          model,
          ...(at ? { at: at.id } : {}),
          done: chain.length - open.length,
          phases: chain.length,
          secondsLeft: untilEnd(evaluate),
        };
      }),
      phases: watched.map(([phase]) => phase),
      curves: watched.flatMap(([, curve]) => (curve ? [curve] : [])),
      scores: [...models.keys()].flatMap((model) => scoresOf.get(model) ?? []),
      unread: unread.length,
      hasReport: done.has('report'),
    };
  };
}

function evaluationsByModel(study: Study): Map<string, Phase> {
  const { arms, seeds } = study.recipe;
  const names = seeds.flatMap((seed) => arms.map(({ id }) => `${id}/seed-${seed}`));
  return new Map(names.map((name) => [name, phasesOfArm(study, name)!.evaluate]));
}

/** All phases that lead to one, and itself, in the study's order. */
function phasesBefore(study: Study, end: Phase): Phase[] {
  const wanted = new Set([end.id]);
  for (const phase of [...study.phases].reverse()) {
    if (wanted.has(phase.id)) for (const id of prerequisites(phase)) wanted.add(id);
  }
  return study.phases.filter(({ id }) => wanted.has(id));
}

function whereabouts(record: PhaseRecord | undefined, status: PhaseStatus | undefined) {
  const host = record?.hardware?.host ?? status?.host;
  const machine = record?.hardware ? hardwareText(record.hardware) : status?.machine;
  return { ...(host ? { host } : {}), ...(machine ? { machine } : {}) };
}

function progressOf(status: PhaseStatus | undefined) {
  if (!status?.progress) return {};
  const { fraction, rate, unit = 'items', note } = status.progress;
  return {
    fraction,
    ...(rate === undefined ? {} : { rate: `${Math.round(rate)} ${unit}/s` }),
    ...(note === undefined ? {} : { note }),
  };
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

async function readCurve(study: Study, phase: Phase, store: Store): Promise<WatchedCurve | undefined> {
  const lines = await ownMetrics(study, phase, store);
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
  ['vision score', (row) => row.task === visionScoreTask && row.condition === 'image'],
  ['… without the picture', (row) => row.task === visionScoreTask && row.condition === 'no-image'],
  [
    'open questions',
    (row) =>
      row.task === 'open-vqa' && row.split === 'new-scene' && row.condition === 'image' && row.metric === 'accuracy',
  ],
  ['bits per byte', (row) => row.task === 'bits-per-byte' && row.condition === 'text'],
];

const isInVisionScore = (task: string): boolean => meanScores[visionScoreTask]!.includes(task);

function headlineScores(model: string, rows: Parameters<typeof scoreRows>[0]): WatchedScore[] {
  const wanted = rows.filter(
    ({ task, split }) => task === 'bits-per-byte' || (isInVisionScore(task) && split === 'new-scene'),
  );
  const scores = scoreRows(wanted, { seed: 'watch', resamples: watchResamples }).filter((row) => row.type === 'all');
  return headlines.flatMap(([measure, is]) => {
    const row = scores.find(is);
    if (!row) return [];
    const scale = measure === 'bits per byte' ? 1 : 100;
    return [{ model, measure, value: scale * row.value, low: scale * row.low, high: scale * row.high }];
  });
}
