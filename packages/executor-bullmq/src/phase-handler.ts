import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import {
  logLine,
  type Phase,
  type PhaseProgress,
  type PhaseRunner,
  phaseOfStudy,
  type Store,
  StudyError,
} from '@vlm/study';
import { DelayedError, type Job, type Processor, UnrecoverableError, WaitingError } from 'bullmq';
import { type PhaseJob, phaseJobSchema } from './phase-job.ts';
import type { Attempts, Queues } from './queues.ts';
import type { Registry, SubmittedStudy } from './registry.ts';
import { addPhases, hasAllItNeeds, isComplete, readyAfter, type StudyView, viewStudy } from './study-view.ts';
import type { WorkerEvent } from './worker.ts';

/** What a job reports while it is under way. */
export interface JobProgress extends PhaseProgress {
  host: string;
}

export interface HandlerOptions {
  store: Store;
  runner: PhaseRunner;
  registry: Registry;
  queues: Queues;
  attempts: Attempts;
  onEvent(event: WorkerEvent): void;
  /** What is wrong with this machine or how its worker was set up: it should take no phases for a while. */
  onMachineProblem(error: Error): void;
}

export interface PhaseHandler {
  process: Processor<PhaseJob>;
  /** Stops phases that no study wants any more. */
  stopUnwanted(): Promise<void>;
  stopAll(): void;
}

type KnownViews = Map<string, { submitted: SubmittedStudy; view: StudyView }>;

const progressIntervalMs = 1000;
const returnDelayMs = 5000;
/** Errors that say something about this machine: another may have the space, the folder or the right store. */
const thisMachine = new Set(['no-space', 'read-only', 'missing-here']);
/** Those, and others that say something about this worker or the moment, and nothing about the phase. */
const notThePhase = new Set([...thisMachine, 'claim-lost', 'interrupted', 'store-locked']);
/** Errors that come again at every attempt. */
const sureToComeAgain = new Set(['bad-recipe', 'job-refused', 'version-mismatch', 'store-version', 'missing-artifact']);

/** What a worker does with a job: checks it, runs its phase, gives the next phases to the queue. */
export function phaseHandler(options: HandlerOptions): PhaseHandler {
  const { store, registry, queues, onEvent } = options;
  const views: KnownViews = new Map();
  const underWay = new Map<string, { study: string; hash: string; abort: AbortController }>();

  /** Of each study as it was last submitted: labels and order may have been corrected since. */
  const viewOf = async (studyId: string): Promise<StudyView | undefined> => {
    const submitted = await registry.study(studyId);
    if (!submitted) return undefined;
    const known = views.get(studyId);
    if (known?.submitted === submitted) return known.view;
    await checkStore(submitted.store, studyId, store);
    const view = viewStudy(submitted);
    views.set(studyId, { submitted, view });
    return view;
  };
  const activeViews = async (): Promise<StudyView[]> => {
    const states = await registry.states();
    const wanted = [...states].filter(([, state]) => state === 'active');
    // A study of another version or store is not ours to look into.
    const found = await Promise.all(wanted.map(([id]) => viewOf(id).catch(() => undefined)));
    return found.filter((view) => view !== undefined);
  };
  const addNext = async (finished: Phase): Promise<void> => {
    for (const view of await activeViews()) {
      const phase = view.byHash.get(finished.hash);
      if (!phase) continue;
      await addPhases(queues, view, await readyAfter(view, phase, store), options.attempts);
      const isLast = view.after.get(phase.id)!.length === 0;
      if (isLast && (await isComplete(view, store))) await registry.setState(view.id, 'done');
    }
  };

  const run = async (job: Job<PhaseJob>, signal: AbortSignal): Promise<{ phase: Phase; seconds: number }> => {
    const data = phaseJobSchema.safeParse(job.data);
    if (!data.success) throw new StudyError('job-refused', 'Expected a job that names a study, a phase and its hash.');
    const view = await viewOf(data.data.study);
    if (!view) throw new Error(`The recipe of study ${data.data.study} is not in Redis; its submitter puts it there.`);
    const phase = phaseOfStudy(view.study, data.data, view.byId.get(data.data.phase));
    if (!(await hasAllItNeeds(view, phase, store))) {
      throw new Error(`Phase ${phase.id} came before all that it needs was finished.`);
    }
    onEvent({ type: 'phase-started', phase });
    const startMs = performance.now();
    const report = progressReporter(job);
    report({ fraction: 0 });
    await options.runner.run(phase, view.study, {
      signal,
      onProgress(progress) {
        onEvent({ type: 'phase-progress', phase, progress });
        report(progress);
      },
      onWarning: (message) => void job.log(logLine(message)).catch(() => {}),
    });
    const seconds = (performance.now() - startMs) / 1000;
    await addNext(phase);
    onEvent({ type: 'phase-finished', phase, seconds });
    return { phase, seconds };
  };

  return {
    async process(job, token, lockSignal) {
      const abort = new AbortController();
      const key = `${job.queueName} ${job.id}`;
      underWay.set(key, { study: job.data.study, hash: job.data.hash, abort });
      const signal = lockSignal ? AbortSignal.any([abort.signal, lockSignal]) : abort.signal;
      try {
        const { seconds } = await run(job, signal);
        return { host: hostname(), seconds };
      } catch (error) {
        return await giveUp(job, token!, error as StudyError, signal, options, views);
      } finally {
        underWay.delete(key);
      }
    },
    async stopUnwanted() {
      if (underWay.size === 0) return;
      const states = await registry.states();
      for (const { study, hash, abort } of underWay.values()) {
        // A Redis that came back empty knows of no study; that is no wish to stop.
        if (states.get(study) !== 'cancelled') continue;
        if (!(await activeViews()).some((view) => view.byHash.has(hash))) abort.abort(cancelled);
      }
    },
    stopAll() {
      for (const { abort } of underWay.values()) abort.abort('this worker ends');
    },
  };
}

export const cancelled = 'cancelled';

/** Decides what becomes of a job whose phase did not end: back to the queue, another attempt, or none. */
async function giveUp(
  job: Job<PhaseJob>,
  token: string,
  error: StudyError,
  signal: AbortSignal,
  { onEvent, onMachineProblem }: HandlerOptions,
  views: KnownViews,
): Promise<never> {
  const phase = views.get(job.data.study)?.view.byId.get(job.data.phase);
  await job.log(logLine(error.message)).catch(() => {});
  if (signal.aborted && signal.reason === cancelled) throw new UnrecoverableError(cancelled);
  if (signal.aborted || notThePhase.has(error.code)) {
    const reason = signal.aborted ? String(signal.reason) : error.message;
    if (phase) onEvent({ type: 'phase-returned', phase, reason });
    if (signal.aborted) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (thisMachine.has(error.code)) onMachineProblem(error);
    await job.moveToDelayed(Date.now() + returnDelayMs, token);
    throw new DelayedError();
  }
  if (phase) onEvent({ type: 'phase-failed', phase, error });
  throw sureToComeAgain.has(error.code) ? new UnrecoverableError(error.message) : error;
}

/** Writes a phase's progress into its job, at most once a second. */
function progressReporter(job: Job<PhaseJob>): (progress: PhaseProgress) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  let isWriting = false;
  return (progress) => {
    const nowMs = performance.now();
    if (isWriting || nowMs - lastMs < progressIntervalMs) return;
    lastMs = nowMs;
    isWriting = true;
    void job
      .updateProgress({ ...progress, host: hostname() } satisfies JobProgress)
      .catch(() => {}) // It is only a display; a lost hold on the job is noticed elsewhere.
      .finally(() => {
        isWriting = false;
      });
  };
}

/** The submitter leaves a mark in its store: a worker that does not find it has another one. */
async function checkStore(submitted: string, studyId: string, store: Store): Promise<void> {
  if (await store.readShared(storeMark(studyId))) return;
  throw new StudyError(
    'missing-here',
    `Expected the store of the submitter (${submitted}), got ${store.location}, in which this study is not known. Give --store the same folder or bucket on every machine.`,
  );
}

export function storeMark(studyId: string): string {
  return `studies/${studyId}.json`;
}
