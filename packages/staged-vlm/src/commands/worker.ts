import { once } from 'node:events';
import { childProcessRunner, openStore, type PhaseProgress } from '@vlm/study';
import { Command } from 'commander';
import { namespaceOption, openRedis, redisOption } from '../executors.ts';
import { formatDuration } from '../format.ts';
import { loadOptional } from '../load-optional.ts';
import { positiveInteger, storeHelp } from './study-options.ts';

interface WorkerCommandOptions {
  redis?: string;
  namespace: string;
  store: string;
  labels: string;
  concurrency: number;
}

const progressEveryMs = 30_000;

/** `staged-vlm worker`: takes phases from a queue until it is stopped. */
export function workerCommand(): Command {
  return new Command('worker')
    .description('take phases of studies from a queue and run them, until stopped (Ctrl-C or SIGTERM)')
    .addOption(redisOption())
    .addOption(namespaceOption())
    .requiredOption('--store <location>', `${storeHelp}; the same for every worker and submitter`)
    .option('--labels <labels>', 'which phases to take, and how many at a time: gpu, or gpu=1,any=4', 'any')
    .option('--concurrency <n>', 'phases at the same time, for labels without a number', positiveInteger, 1)
    .action(runWorker);
}

async function runWorker(options: WorkerCommandOptions): Promise<void> {
  const { startWorker, parseWorkerLabels } = await loadOptional(
    '@vlm/executor-bullmq',
    () => import('@vlm/executor-bullmq'),
  );
  const labels = parseWorkerLabels(options.labels, options.concurrency);
  const stop = stopOnSignals();
  const shownMs = new Map<string, number>();
  const say = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
  const sayProgress = (id: string, { fraction, note, loss }: PhaseProgress): void => {
    const nowMs = Date.now();
    if (nowMs - (shownMs.get(id) ?? nowMs - progressEveryMs / 2) < progressEveryMs) return;
    shownMs.set(id, nowMs);
    const said = [loss === undefined ? undefined : `loss ${loss.toFixed(3)}`, note].filter(Boolean);
    say(`  ${id} ${Math.round(100 * fraction)} %${said.length > 0 ? `, ${said.join(', ')}` : ''}`);
  };
  const sayProblem = (message: string): void => {
    const nowMs = Date.now();
    if (nowMs - (shownMs.get(message) ?? 0) < progressEveryMs) return;
    shownMs.set(message, nowMs);
    say(`! ${message}`);
  };
  const store = await openStore(options.store);
  const redis = await openRedis(options.redis, 'wait', {
    signal: stop,
    onAway: ({ message }) => sayProblem(`${message} Waiting for it; Ctrl-C ends that.`),
  }).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
  if (!redis) return;
  const worker = await startWorker({
    redis,
    store,
    runner: childProcessRunner(store),
    labels,
    namespace: options.namespace,
    onEvent(event) {
      if (event.type === 'phase-started') say(`▸ ${event.phase.id}`);
      if (event.type === 'phase-progress') sayProgress(event.phase.id, event.progress);
      if (event.type === 'phase-finished') say(`✓ ${event.phase.id} ${formatDuration(event.seconds)}`);
      if (event.type === 'phase-failed') say(`✗ ${event.phase.id}: ${event.error.message}`);
      if (event.type === 'phase-returned') say(`↩ ${event.phase.id} given back: ${event.reason}`);
      if (event.type === 'paused') say(`‖ takes no phases for ${event.seconds} s: ${event.reason}`);
      if (event.type === 'problem') sayProblem(event.error.message);
    },
  });
  const shown = Object.entries(labels).map(([label, phases]) => `${label}=${phases}`);
  say(`Worker ${worker.id} takes ${shown.join(',')}; store ${store.location}.`);
  if (!stop.aborted) await once(stop, 'abort');
  say('Stopping: phases write a checkpoint and go back to the queue.');
  process.once('SIGINT', () => process.exit(130));
  await worker.close();
  redis.disconnect();
}

/** Fires at the first Ctrl-C or SIGTERM. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}
