import {
  type Executor,
  estimateSeconds,
  finishedRecords,
  identityOf,
  isReady,
  neededPhases,
  type Phase,
  readPhaseLog,
  type Store,
  type Study,
  studyVersion,
  versionMismatch,
} from '@vlm/study';
import type { Redis } from 'ioredis';
import { followStudy } from './follow-study.ts';
import { storeMark } from './phase-handler.ts';
import { jobId, labelOf, type PhaseLabels } from './phase-job.ts';
import { phaseStatus, unfinishedJobs } from './phase-status.ts';
import { type Attempts, openQueues, usualAttempts } from './queues.ts';
import { openRegistry } from './registry.ts';
import { addPhases, isComplete, prioritiesOf, type StudyView, viewStudy } from './study-view.ts';

export interface BullmqExecutorOptions {
  redis: Redis;
  store: Store;
  /**
   * Which label the workers of a kind of phase must have. Default: what the study was last submitted with; at first, any worker takes any phase.
   */
  labels?: PhaseLabels;
  /** What all keys in Redis begin with: one namespace a store. Default `staged-vlm`. */
  namespace?: string;
  attempts?: Attempts;
  /** How often the queue is compared with the store. Default 2000 ms. */
  reconcileMs?: number;
}

/** Runs studies on workers (`startWorker`) that share a Redis and a store. */
export interface BullmqExecutor extends Executor {
  /** Hands a study over and returns: workers do the rest by themselves, as long as Redis keeps its memory. */
  submit(study: Study, options: { estimate(phase: Phase): number }): Promise<void>;
}

export function bullmqExecutor(options: BullmqExecutorOptions): BullmqExecutor {
  const { redis, store, labels = {}, namespace = 'staged-vlm', attempts = usualAttempts, reconcileMs = 2000 } = options;
  const registry = openRegistry(redis, namespace);
  const queues = openQueues(redis, namespace);

  /** A study as it was submitted, with the labels and the order of then where the caller says nothing else. */
  const viewOf = async (study: Study, estimate?: (phase: Phase) => number): Promise<StudyView> => {
    const id = identityOf(study.recipe);
    const known = await registry.submission(id);
    const priorities = estimate ? prioritiesOf(study, estimate) : known?.priorities;
    return viewStudy({
      id,
      study,
      labels: Object.keys(labels).length > 0 ? labels : (known?.labels ?? {}),
      priorities: priorities ?? prioritiesOf(study, (phase) => estimateSeconds(study, phase)),
      version: studyVersion,
      store: store.location,
    });
  };
  const register = async (study: Study, estimate: (phase: Phase) => number): Promise<StudyView> => {
    for (const worker of await registry.workers()) {
      if (worker.version !== studyVersion) throw versionMismatch(studyVersion, worker.version, worker.host);
    }
    const view = await viewOf(study, estimate);
    await removeMislabelled(view);
    await registry.put(view);
    await store.writeShared(storeMark(view.id), `${JSON.stringify(study.recipe, null, 2)}\n`);
    return view;
  };
  /** Takes back what waits in queues of labels that were corrected; what a worker holds stays with it. */
  const removeMislabelled = async (view: StudyView): Promise<void> => {
    const { labels: before = view.labels } = (await registry.submission(view.id)) ?? {};
    const hasMoved = (phase: Phase): boolean => labelOf(phase, before) !== labelOf(phase, view.labels);
    if (!view.study.phases.some(hasMoved)) return;
    for (const { phase, job } of await unfinishedJobs(queues, { ...view, labels: before }, store)) {
      if (hasMoved(phase)) await job.remove().catch(() => {});
    }
  };
  const retry = async (view: StudyView, phaseId?: string): Promise<string[]> => {
    const retried: string[] = [];
    for (const { phase, job, state } of await unfinishedJobs(queues, view, store)) {
      if (state !== 'failed' || (phaseId !== undefined && phase.id !== phaseId)) continue;
      await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
      retried.push(phase.id);
    }
    return retried;
  };

  return {
    name: 'bullmq',
    async run(study, { estimate, onEvent = () => {}, signal }) {
      const view = await register(study, estimate);
      await retry(view);
      return followStudy(view, { redis, namespace, store, registry, queues, attempts, reconcileMs, onEvent, signal });
    },
    async submit(study, { estimate }) {
      const view = await register(study, estimate);
      await retry(view);
      await addPhases(queues, view, await readyNow(view, store), attempts);
      if (await isComplete(view, store)) await registry.setState(view.id, 'done');
    },
    async status(study) {
      const view = await viewOf(study);
      const machines = new Map((await registry.workers()).map(({ host, machine }) => [host, machine]));
      return phaseStatus(queues, view, store, machines);
    },
    async cancel(study) {
      const view = await viewOf(study);
      const elsewhere = await wantedElsewhere(view);
      const ownJobs = async () =>
        (await unfinishedJobs(queues, view, store)).filter(({ phase }) => !elsewhere.has(phase.hash));
      // Asked first: workers let go as soon as they hear of it.
      const wasThere = (await ownJobs()).some(({ state }) => state !== 'failed');
      await registry.setState(view.id, 'cancelled');
      const isGone = async (): Promise<boolean> => {
        const ours = await ownJobs();
        // A job that a worker holds cannot be removed; its worker is told, and lets go of it.
        const removed = await Promise.all(
          ours.map(({ job }) =>
            job.remove().then(
              () => true,
              () => false,
            ),
          ),
        );
        return removed.every(Boolean);
      };
      const untilMs = Date.now() + cancelPatienceMs;
      while (!(await isGone()) && Date.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 500));
      return wasThere;
    },
    retry: async (study, phaseId) => retry(await viewOf(study), phaseId),
    async log(phase) {
      const queue = queues.of(labelOf(phase, labels));
      const [stored, { logs }] = await Promise.all([readPhaseLog(store, phase), queue.getJobLogs(jobId(phase))]);
      return stored + logs.map((line) => `${line}\n`).join('');
    },
    async close() {
      await queues.close();
    },
  };

  async function wantedElsewhere(view: StudyView): Promise<Set<string>> {
    const hashes = new Set<string>();
    for (const [id, state] of await registry.states()) {
      if (id === view.id || state !== 'active') continue;
      const other = await registry.study(id).catch(() => undefined);
      for (const { hash } of other?.study.phases ?? []) hashes.add(hash);
    }
    return hashes;
  }
}

/** A worker writes a checkpoint before it lets go; what is still held after this goes when its worker notices. */
const cancelPatienceMs = 60_000;

async function readyNow(view: StudyView, store: Store): Promise<Phase[]> {
  const records = await finishedRecords(view.study.phases, store);
  for (const id of records.keys()) view.finished.add(id);
  return neededPhases(view.study, view.finished).filter((phase) => isReady(phase, view.finished));
}
