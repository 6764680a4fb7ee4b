import { hostname } from 'node:os';
import { executeStudy } from './execute-study.ts';
import type { Executor, PhaseProgress, PhaseRunner, PhaseStatus } from './executor.ts';
import type { Phase, Study } from './graph.ts';
import { describeHardware, hardwareText } from './hardware.ts';
import { identityOf } from './identity.ts';
import { loggedFailure, readPhaseLog } from './phase-log.ts';
import { finishedRecords, isReady } from './schedule.ts';
import { isHere } from './store/holder.ts';
import type { StudyRun } from './store/runs.ts';
import type { Store } from './store.ts';
import { StudyError } from './study-error.ts';

export interface LocalExecutorOptions {
  store: Store;
  runner: PhaseRunner;
  /** Phases that may run at the same time. */
  concurrency: number;
  /** Phases that use every core and therefore run alone. */
  runsAlone?(phase: Phase): boolean;
  /** How often a phase is tried before it counts as failed. Default 1. */
  attempts?: number;
}

/** Runs studies on this machine, as many phases at a time as it is told. */
export function localExecutor({ store, ...how }: LocalExecutorOptions): Executor {
  const progress = new Map<string, PhaseProgress>();
  const failures = new Map<string, Error>();
  /** Failed phases that somebody wants tried again, by hash: until a run does, their logs are about what was. */
  const pardoned = new Set<string>();
  const runs = new Map<AbortController, { study: string; work: Promise<unknown> }>();

  /** What failed in another process, or before this one began: told by the log, unless a run of the study began since. */
  const failureBefore = async (phase: Phase, own: readonly StudyRun[]): Promise<Partial<PhaseStatus> | undefined> => {
    if (runs.size > 0 || pardoned.has(phase.hash)) return undefined;
    const failure = await loggedFailure(store, phase);
    if (!failure || own.some(({ since }) => since > failure.at)) return undefined;
    return { state: 'failed', host: failure.host, failures: failure.failures, error: failure.message };
  };
  const status: Executor['status'] = async (study) => {
    const records = await finishedRecords(study.phases, store);
    const living = await store.runs();
    const own = living.filter((run) => run.study === identityOf(study.recipe));
    const told = new Map(
      living.flatMap(({ host, machine, phases = {} }) =>
        Object.entries(phases).map(([hash, now]) => [hash, { host, ...(machine ? { machine } : {}), progress: now }]),
      ),
    );
    const statusOf = async (phase: Phase): Promise<PhaseStatus> => {
      const record = records.get(phase.id);
      if (record) return { phase, state: 'done', record };
      const here = progress.get(phase.hash);
      const run = told.get(phase.hash);
      if (here) return { phase, state: 'running', ...run, host: hostname(), progress: here };
      const failure = failures.get(phase.hash);
      if (failure) return { phase, state: 'failed', host: hostname(), failures: 1, error: failure.message };
      if (!isReady(phase, records)) return { phase, state: 'waiting' };
      const claimant = run ?? (await store.claimant(phase));
      if (claimant) return { phase, state: 'running', host: claimant.host, ...run };
      return { phase, state: runs.size > 0 ? 'queued' : 'waiting', ...(await failureBefore(phase, own)) };
    };
    return Promise.all(study.phases.map(statusOf));
  };

  return {
    name: 'local',
    async run(study, options) {
      const shown = await store.showRun({
        study: identityOf(study.recipe),
        machine: hardwareText(await describeHardware()),
      });
      const abort = new AbortController();
      const stop = (): void => abort.abort();
      options.signal?.addEventListener('abort', stop, { once: true });
      if (options.signal?.aborted) stop();
      const work = executeStudy(study, {
        ...options,
        ...how,
        store,
        signal: abort.signal,
        isTaken: async ({ hash }) => (await shown.others()).some(({ phases = {} }) => hash in phases),
        onEvent(event) {
          const { hash } = event.phase;
          if (event.type === 'phase-started') progress.set(hash, { fraction: 0 });
          if (event.type === 'phase-started') failures.delete(hash);
          if (event.type === 'phase-progress') progress.set(hash, event.progress);
          if (event.type === 'phase-failed') failures.set(hash, event.error);
          if (event.type === 'phase-failed') pardoned.delete(hash);
          if (event.type === 'phase-failed' || event.type === 'phase-finished') progress.delete(hash);
          shown.show(Object.fromEntries(progress));
          options.onEvent?.(event);
        },
      });
      runs.set(abort, { study: identityOf(study.recipe), work: work.catch(() => {}) });
      try {
        return await work;
      } finally {
        await shown.end();
        runs.delete(abort);
        if (abort.signal.aborted) for (const { hash } of study.phases) progress.delete(hash);
        options.signal?.removeEventListener('abort', stop);
      }
    },
    status,
    async cancel(study) {
      const own = [...runs].filter(([, run]) => run.study === identityOf(study.recipe));
      if (own.length === 0) return stopElsewhere(study, store);
      for (const [abort] of own) abort.abort();
      await Promise.all(own.map(([, { work }]) => work));
      return true;
    },
    async retry(study, phaseId) {
      const failed = (await status(study)).filter(
        ({ state, phase }) => state === 'failed' && (phaseId === undefined || phase.id === phaseId),
      );
      for (const { phase } of failed) {
        failures.delete(phase.hash);
        pardoned.add(phase.hash);
      }
      return failed.map(({ phase }) => phase.id);
    },
    log: (phase) => readPhaseLog(store, phase),
    async close() {
      for (const abort of runs.keys()) abort.abort();
      await Promise.all([...runs.values()].map(({ work }) => work));
    },
  };
}

/** Asks processes that run a study in other terminals of this machine to stop. @returns whether there are any */
async function stopElsewhere(study: Study, store: Store): Promise<boolean> {
  const found = (await store.runs()).filter((run) => run.study === identityOf(study.recipe));
  const far = found.filter((run) => !isHere(run));
  for (const { pid } of found.filter(isHere)) process.kill(pid, 'SIGTERM');
  if (far.length === 0) return found.length > 0;
  throw new StudyError(
    'runs-elsewhere',
    `This study also runs on ${far.map(({ host, pid }) => `${host} (process ${pid})`).join(', ')}, out of reach from here. Stop it there, or run studies of many machines with --executor bullmq, which can be cancelled from anywhere.`,
  );
}
