import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { anyLabel, checkLabel, type PhaseJob, type PhaseLabels } from './phase-job.ts';

export type PhaseQueue = Queue<PhaseJob>;

/** One queue a label. */
export interface Queues {
  of(label: string): PhaseQueue;
  close(): Promise<void>;
}

export function queueName(label: string): string {
  return `phases-${checkLabel(label)}`;
}

export function openQueues(redis: Redis, namespace: string): Queues {
  const queues = new Map<string, PhaseQueue>();
  return {
    of(label) {
      let queue = queues.get(label);
      if (!queue) {
        queue = new Queue(queueName(label), { connection: redis, prefix: namespace });
        queue.on('error', () => {}); // Commands that fail say so themselves; without a listener the process would end.
        queues.set(label, queue);
      }
      return queue;
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

/** Every label that a study's phases ask for. */
export function labelsOf(labels: PhaseLabels): string[] {
  return [...new Set([anyLabel, ...Object.values(labels)])];
}

/** How often and at what distance a phase that ends in an error is tried again. */
export interface Attempts {
  attempts: number;
  /** Before the second attempt; doubles with every further one, less up to half of it at random. */
  delayMs: number;
}

export const usualAttempts: Attempts = { attempts: 5, delayMs: 3000 };

/** A finished job goes at once: the store tells what is done. A failed one stays, for people to see and to retry. */
export function jobOptions({ attempts, delayMs }: Attempts): JobsOptions {
  return {
    attempts,
    backoff: { type: 'exponential', delay: delayMs, jitter: 0.5 },
    removeOnComplete: true,
    removeOnFail: false,
    keepLogs: 200,
  };
}
