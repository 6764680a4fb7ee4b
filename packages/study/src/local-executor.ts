import { hostname } from 'node:os';
import { executeStudy } from './execute-study.ts';
import type { Executor, PhaseProgress, PhaseRunner, PhaseStatus } from './executor.ts';
import type { Phase } from './graph.ts';
import { readPhaseLog } from './phase-log.ts';
import { finishedRecords, isReady } from './schedule.ts';
import type { Store } from './store.ts';

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
  const runs = new Map<AbortController, Promise<unknown>>();
  return {
    name: 'local',
    async run(study, options) {
      const abort = new AbortController();
      const stop = (): void => abort.abort();
      options.signal?.addEventListener('abort', stop, { once: true });
      if (options.signal?.aborted) stop();
      const work = executeStudy(study, {
        ...options,
        ...how,
        store,
        signal: abort.signal,
        onEvent(event) {
          const { hash } = event.phase;
          if (event.type === 'phase-started') progress.set(hash, { fraction: 0 });
          if (event.type === 'phase-started') failures.delete(hash);
          if (event.type === 'phase-progress') progress.set(hash, event.progress);
          if (event.type === 'phase-failed') failures.set(hash, event.error);
          if (event.type === 'phase-failed' || event.type === 'phase-finished') progress.delete(hash);
          options.onEvent?.(event);
        },
      });
      runs.set(
        abort,
        work.catch(() => {}),
      );
      try {
        return await work;
      } finally {
        runs.delete(abort);
        if (abort.signal.aborted) progress.clear();
        options.signal?.removeEventListener('abort', stop);
      }
    },
    async status(study) {
      const records = await finishedRecords(study.phases, store);
      const statusOf = (phase: Phase): PhaseStatus => {
        const record = records.get(phase.id);
        if (record) return { phase, state: 'done', record };
        const now = progress.get(phase.hash);
        if (now) return { phase, state: 'running', host: hostname(), progress: now };
        const failure = failures.get(phase.hash);
        if (failure) return { phase, state: 'failed', host: hostname(), failures: 1, error: failure.message };
        return { phase, state: runs.size > 0 && isReady(phase, records) ? 'queued' : 'waiting' };
      };
      return study.phases.map(statusOf);
    },
    async cancel() {
      if (runs.size > 0) {
        for (const abort of runs.keys()) abort.abort();
        await Promise.all(runs.values());
        return;
      }
      const holder = await store.holder();
      if (holder?.host === hostname()) process.kill(holder.pid, 'SIGTERM');
    },
    async retry(study, phaseId) {
      const failed = study.phases.filter(
        (phase) => failures.has(phase.hash) && (phaseId === undefined || phase.id === phaseId),
      );
      for (const phase of failed) failures.delete(phase.hash);
      return failed.map((phase) => phase.id);
    },
    log: (phase) => readPhaseLog(store, phase),
    async close() {
      for (const abort of runs.keys()) abort.abort();
      await Promise.all(runs.values());
    },
  };
}
