import { setTimeout as sleep } from 'node:timers/promises';
import {
  finishedRecords,
  isReady,
  neededPhases,
  type Phase,
  type PhaseRecord,
  type Store,
  StudyError,
  type StudyEvent,
} from '@vlm/study';
import { QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobProgress } from './phase-handler.ts';
import { jobId, labelOf } from './phase-job.ts';
import { type Attempts, labelsOf, type Queues, queueName } from './queues.ts';
import type { Registry } from './registry.ts';
import { addPhases, type StudyView } from './study-view.ts';

export interface FollowOptions {
  redis: Redis;
  namespace: string;
  store: Store;
  registry: Registry;
  queues: Queues;
  attempts: Attempts;
  reconcileMs: number;
  onEvent(event: StudyEvent): void;
  signal: AbortSignal | undefined;
}

/**
 * Follows a submitted study to its end. Events of the queue say at once what happens; beside them, every few seconds, the queue is compared
 * with the store, which alone counts: a phase that is ready, not in the store and not in the queue is added (again). So nothing depends on
 * Redis keeping its memory, nor on anyone being there when a phase ended.
 */
export async function followStudy(view: StudyView, options: FollowOptions): Promise<Map<string, PhaseRecord>> {
  const { store, registry, queues, attempts, onEvent, signal } = options;
  const { phases } = view.study;
  const records = await finishedRecords(phases, store);
  for (const phase of phases) {
    const record = records.get(phase.id);
    if (record) onEvent({ type: 'phase-skipped', phase, record });
  }
  for (const id of records.keys()) view.finished.add(id);
  const open = new Map(neededPhases(view.study, records).map((phase) => [jobId(phase), phase]));
  const failures = new Map<Phase, Error>();
  const warnMissingWorkers = missingWorkerWarnings(view, options);

  /** Looks whether a phase is in the store now; then those behind it may be ready. */
  const settle = async (phase: Phase): Promise<boolean> => {
    if (!open.has(jobId(phase))) return true;
    const record = await store.record(phase);
    if (!record) return false;
    if (!open.delete(jobId(phase))) return true;
    records.set(phase.id, record);
    view.finished.add(phase.id);
    failures.delete(phase);
    onEvent({ type: 'phase-finished', phase, record });
    return true;
  };
  const compare = async (): Promise<void> => {
    const state = (await registry.states()).get(view.id);
    if (state === 'cancelled')
      throw new StudyError('cancelled', 'The study was cancelled. Run the same command again to go on from here.');
    if (state === undefined) await registry.put(view); // Redis lost its memory.
    const ready = [...open.values()].filter((phase) => isReady(phase, view.finished));
    const missing: Phase[] = [];
    for (const { phase, reason, exists } of await lookUp(ready, view, options)) {
      if (reason !== undefined && !failures.has(phase)) fail(phase, reason);
      if (reason === undefined) failures.delete(phase);
      if (!exists && !(await settle(phase))) missing.push(phase);
    }
    const looked = new Set(ready);
    const next = [...open.values()].filter((phase) => isReady(phase, view.finished) && !looked.has(phase));
    await addPhases(queues, view, [...missing, ...next], attempts);
    await warnMissingWorkers(ready);
  };
  const fail = (phase: Phase, reason: string): void => {
    const message = reason.includes(phase.id) ? reason : `Phase ${phase.id} failed: ${reason}`;
    const error = new StudyError('phase-failed', message);
    failures.set(phase, error);
    onEvent({ type: 'phase-failed', phase, error });
  };

  let wake = (): void => {};
  const watched = watchQueues(view, open, options, () => wake(), settle);
  try {
    for (;;) {
      const startMs = Date.now();
      await abortable(compare(), signal);
      // A study of thousands takes a while to compare; most of the time is left to its events.
      const pauseMs = Math.max(options.reconcileMs, 4 * (Date.now() - startMs));
      if (open.size === 0) {
        await registry.setState(view.id, 'done');
        return records;
      }
      const alive = [...open.values()].some((phase) => isReady(phase, view.finished) && !failures.has(phase));
      if (!alive) throw [...failures.values()][0] ?? new Error('No phase of the study can run.');
      await abortable(
        Promise.race([
          sleep(pauseMs),
          new Promise<void>((resolve) => {
            wake = resolve;
          }),
        ]),
        signal,
      );
    }
  } finally {
    await watched.close();
  }
}

/** Whether the queue has a job for each phase, and why it failed, if it did. */
async function lookUp(
  phases: readonly Phase[],
  view: StudyView,
  { redis, queues }: FollowOptions,
): Promise<{ phase: Phase; exists: boolean; reason?: string }[]> {
  const pipeline = redis.pipeline();
  for (const phase of phases) {
    const queue = queues.of(labelOf(phase, view.labels));
    pipeline.exists(queue.toKey(jobId(phase)));
    pipeline.zscore(queue.toKey('failed'), jobId(phase));
    pipeline.hget(queue.toKey(jobId(phase)), 'failedReason');
  }
  const answers = (await pipeline.exec()) ?? [];
  const error = answers.find(([problem]) => problem)?.[0];
  if (error) throw error;
  return phases.map((phase, i) => {
    const [exists, failedAt, reason] = answers.slice(3 * i, 3 * i + 3).map(([, value]) => value);
    return {
      phase,
      exists: exists === 1,
      ...(failedAt === null ? {} : { reason: String(reason ?? 'for a reason that it did not say') }),
    };
  });
}

function watchQueues(
  view: StudyView,
  open: ReadonlyMap<string, Phase>,
  { redis, namespace, onEvent, queues }: FollowOptions,
  wake: () => void,
  settle: (phase: Phase) => Promise<boolean>,
): { close(): Promise<void> } {
  const started = new Set<string>();
  const watched = labelsOf(view.labels).map((label) => {
    const events = new QueueEvents(queueName(label), { connection: redis, prefix: namespace });
    events.on('error', () => {}); // Redis is away; the comparison goes on when it is back.
    const start = (phase: Phase, host?: string): void => {
      if (started.has(phase.hash)) return;
      started.add(phase.hash);
      onEvent({ type: 'phase-started', phase, ...(host ? { host } : {}) });
    };
    events.on('progress', ({ jobId: id, data }) => {
      const phase = open.get(id);
      if (!phase) return;
      const { host, ...progress } = data as unknown as JobProgress;
      start(phase, host);
      onEvent({ type: 'phase-progress', phase, progress });
    });
    events.on('stalled', ({ jobId: id }) => {
      const phase = open.get(id);
      if (!phase) return;
      started.delete(phase.hash);
      onEvent({
        type: 'phase-warning',
        phase,
        message: 'its worker was lost; another goes on from the last checkpoint',
      });
    });
    events.on('delayed', ({ jobId: id }) => {
      const phase = open.get(id);
      if (!phase) return;
      started.delete(phase.hash);
      void queues
        .of(label)
        .getJobLogs(id, 0, -1)
        .then(({ logs }) => {
          if (logs.length > 0) onEvent({ type: 'phase-warning', phase, message: `to be tried again: ${logs.at(-1)}` });
        })
        .catch(() => {});
    });
    events.on('completed', ({ jobId: id }) => {
      const phase = open.get(id);
      if (phase)
        void settle(phase).then(
          () => open.size === 0 && wake(),
          () => {},
        );
    });
    events.on('failed', wake);
    return events;
  });
  return {
    async close() {
      await Promise.all(watched.map((events) => events.close()));
    },
  };
}

const workerPatienceMs = 10_000;

/** Says once for each label that phases wait and no worker of that label shows itself. */
function missingWorkerWarnings(
  view: StudyView,
  { registry, onEvent }: FollowOptions,
): (ready: readonly Phase[]) => Promise<void> {
  const warned = new Set<string>();
  let lastMs = Date.now();
  return async (ready) => {
    if (ready.length === 0 || Date.now() - lastMs < workerPatienceMs) return;
    lastMs = Date.now();
    const served = new Set((await registry.workers()).flatMap(({ labels }) => Object.keys(labels)));
    for (const phase of ready) {
      const label = labelOf(phase, view.labels);
      if (served.has(label)) warned.delete(label);
      if (served.has(label) || warned.has(label)) continue;
      warned.add(label);
      onEvent({
        type: 'phase-warning',
        phase,
        message: `waits for a worker with the label ${label}, and none is connected; start one with \`npx staged-vlm worker --labels ${label}\``,
      });
    }
  };
}

async function abortable<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (!signal) return work;
  const leave = new AbortController();
  const stopped = new Promise<never>((_, reject) => {
    const stop = (): void =>
      reject(
        new StudyError(
          'interrupted',
          'Following ended; the workers go on. Run the same command again to follow, or `npx staged-vlm study cancel` to stop them.',
        ),
      );
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true, signal: leave.signal });
  });
  stopped.catch(() => {});
  try {
    return await Promise.race([work, stopped]);
  } finally {
    leave.abort();
    work.catch(() => {});
  }
}
