import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import {
  describeHardware,
  hardwareText,
  type Phase,
  type PhaseProgress,
  type PhaseRunner,
  type Store,
  StudyError,
  studyVersion,
  versionMismatch,
} from '@vlm/study';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { phaseHandler } from './phase-handler.ts';
import type { PhaseJob } from './phase-job.ts';
import { type Attempts, openQueues, queueName, usualAttempts } from './queues.ts';
import { openRegistry, type Registry, type WorkerCard } from './registry.ts';

export type WorkerEvent =
  | { type: 'phase-started'; phase: Phase }
  | { type: 'phase-progress'; phase: Phase; progress: PhaseProgress }
  | { type: 'phase-finished'; phase: Phase; seconds: number }
  | { type: 'phase-failed'; phase: Phase; error: Error }
  /** Given back for another worker, with the reason. */
  | { type: 'phase-returned'; phase: Phase; reason: string }
  | { type: 'paused'; seconds: number; reason: string }
  | { type: 'problem'; error: Error };

export interface WorkerOptions {
  redis: Redis;
  store: Store;
  runner: PhaseRunner;
  /** Label → phases at a time. */
  labels: Record<string, number>;
  namespace?: string;
  attempts?: Attempts;
  onEvent?(event: WorkerEvent): void;
  /** Shorter for tests; see `usualTiming`. */
  timing?: Partial<WorkerTiming>;
}

export interface WorkerTiming {
  /** A worker that has not renewed its hold on a phase for so long is taken for lost. */
  lockMs: number;
  /** How often every worker looks for phases of lost ones. */
  stalledCheckMs: number;
  /** How often a worker shows itself, and asks whether its phases are still wanted. */
  heartbeatMs: number;
  /** How long a worker takes no phases whose disk is full, or that lacks what it should have. */
  pauseMs: number;
}

export const usualTiming: WorkerTiming = { lockMs: 30_000, stalledCheckMs: 15_000, heartbeatMs: 3000, pauseMs: 60_000 };

/** A phase may lose its worker so often (spot machines, updates) before it is taken to be what kills them. */
const mostLosses = 20;

export interface PhaseWorker {
  readonly id: string;
  /** Takes no more phases, has those under way write a checkpoint and gives them back. */
  close(): Promise<void>;
}

/**
 * Takes phases from the queues of its labels and runs them, until it is closed.
 *
 * @throws StudyError `version-mismatch` when a study that waits was submitted by another version
 */
export async function startWorker(options: WorkerOptions): Promise<PhaseWorker> {
  const { redis, namespace = 'staged-vlm', labels, onEvent = () => {} } = options;
  const timing = { ...usualTiming, ...options.timing };
  const registry = openRegistry(redis, namespace);
  await checkVersions(registry);
  const queues = openQueues(redis, namespace);
  const id = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const card: WorkerCard = {
    id,
    host: hostname(),
    pid: process.pid,
    version: studyVersion,
    labels,
    machine: hardwareText(await describeHardware()),
  };
  await registry.showWorker(card);

  const handler = phaseHandler({
    ...options,
    registry,
    queues,
    attempts: options.attempts ?? usualAttempts,
    onEvent,
    onMachineProblem: (error) => pauseAll(error),
  });
  const workers = Object.entries(labels).map(([label, concurrency]) => {
    const worker = new Worker<PhaseJob>(queueName(label), handler.process, {
      connection: redis,
      prefix: namespace,
      name: id,
      concurrency,
      lockDuration: timing.lockMs,
      stalledInterval: timing.stalledCheckMs,
      maxStalledCount: mostLosses,
    });
    worker.on('error', (error) => onEvent({ type: 'problem', error }));
    worker.on('lockRenewalFailed', (ids) => {
      for (const job of ids) worker.cancelJob(job, 'another worker may have taken it over');
    });
    return worker;
  });
  let resumeTimer: NodeJS.Timeout | undefined;
  const pauseAll = (error: Error): void => {
    if (resumeTimer) return;
    onEvent({ type: 'paused', seconds: timing.pauseMs / 1000, reason: error.message });
    for (const worker of workers) void worker.pause(true);
    resumeTimer = setTimeout(() => {
      resumeTimer = undefined;
      for (const worker of workers) void worker.resume();
    }, timing.pauseMs);
  };
  let isBeating = false;
  const heartbeat = setInterval(() => {
    if (isBeating) return;
    isBeating = true;
    Promise.all([registry.showWorker(card), handler.stopUnwanted()])
      .catch((error: Error) => onEvent({ type: 'problem', error }))
      .finally(() => {
        isBeating = false;
      });
  }, timing.heartbeatMs);

  return {
    id,
    async close() {
      clearInterval(heartbeat);
      clearTimeout(resumeTimer);
      handler.stopAll();
      await Promise.all(workers.map((worker) => worker.close()));
      await queues.close();
      await registry.hideWorker(id);
    },
  };
}

async function checkVersions(registry: Registry): Promise<void> {
  for (const { name, version } of await registry.versions()) {
    if (version === studyVersion) continue;
    throw new StudyError(
      'version-mismatch',
      `${versionMismatch(version, studyVersion, hostname()).message} The study is ${name}, which is not done; once it is cancelled (\`npx staged-vlm study cancel\`), workers of this version may start.`,
    );
  }
}

/**
 * Reads `gpu`, `gpu,any` or `gpu=1,any=4`: which phases a worker takes, and how many at a time.
 *
 * @throws StudyError `bad-option`
 */
export function parseWorkerLabels(text: string, concurrency: number): Record<string, number> {
  const labels: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [label = '', count] = part.trim().split('=');
    const phases = count === undefined ? concurrency : Number(count);
    if (label === '' || !Number.isInteger(phases) || phases < 1) {
      throw new StudyError(
        'bad-option',
        `Expected labels like gpu or gpu=1,any=4 (phases at a time), got ${JSON.stringify(text)}.`,
      );
    }
    labels[label] = phases;
  }
  return labels;
}
