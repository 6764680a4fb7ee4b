export { type BullmqExecutor, type BullmqExecutorOptions, bullmqExecutor } from './bullmq-executor.ts';
export {
  connectRedis,
  explainRedisError,
  parseRedisLocation,
  type RedisLocation,
  reachRedis,
  redisText,
  type WaitOptions,
} from './connection.ts';
export type { PhaseLabels } from './phase-job.ts';
export type { Attempts } from './queues.ts';
export type { WorkerCard } from './registry.ts';
export {
  type PhaseWorker,
  parseWorkerLabels,
  startWorker,
  type WorkerEvent,
  type WorkerOptions,
  type WorkerTiming,
} from './worker.ts';
