import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WaitOptions } from '@vlm/executor-bullmq';
import {
  childProcessRunner,
  type Executor,
  localExecutor,
  phaseKinds,
  type Store,
  type Study,
  StudyError,
} from '@vlm/study';
import { type Command, Option } from 'commander';
import { defaultWorkers } from './commands/study-options.ts';
import { loadOptional } from './load-optional.ts';

/** What says who runs a study. */
export interface ExecutorOptions {
  executor: 'local' | 'bullmq' | 'slurm';
  redis?: string;
  namespace: string;
  label?: Record<string, string>;
  workers?: number;
  attempts?: number;
  slurmFolder?: string;
  sbatch?: Record<string, string[]>;
  detach?: boolean;
  only?: string[];
}

/** Options that one executor alone knows; with another they would do nothing. What may come from the environment is not among them. */
const belongsTo = {
  workers: 'local',
  attempts: 'local',
  only: 'local',
  detach: 'bullmq',
  label: 'bullmq',
  slurmFolder: 'slurm',
  sbatch: 'slurm',
} as const;

/** @throws StudyError `bad-option` */
function checkExecutorOptions(options: ExecutorOptions): void {
  for (const [name, executor] of Object.entries(belongsTo)) {
    if (options[name as keyof typeof belongsTo] === undefined || executor === options.executor) continue;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new StudyError(
      'bad-option',
      `--${flag} is an option of --executor ${executor} and does nothing with ${options.executor}; leave one of the two out.`,
    );
  }
}

function checkKind(kind: string, others: readonly string[] = []): void {
  const kinds: readonly string[] = [...phaseKinds, ...others];
  if (!kinds.includes(kind))
    throw new StudyError('bad-option', `There is no kind of phase "${kind}". Kinds: ${kinds.join(', ')}.`);
}

/** Adds the options of `openExecutor` to a command, and their check before it begins. */
export function addExecutorOptions(command: Command): Command {
  return command
    .hook('preAction', (_, asked) => checkExecutorOptions(asked.opts()))
    .addOption(
      new Option('--executor <name>', 'who runs the phases: this machine, workers on a queue, or a cluster')
        .choices(['local', 'bullmq', 'slurm'])
        .default('local'),
    )
    .addOption(redisOption())
    .addOption(namespaceOption())
    .addOption(
      new Option(
        '--label <kind=label>',
        'bullmq: kinds of phases for workers with a label alone, with commas: main=gpu,branch=gpu',
      ).argParser(parseLabels),
    )
    .option(
      '--slurm-folder <folder>',
      'slurm: where submitter and nodes meet; with a store in S3, a folder that all of them see',
    )
    .addOption(
      new Option(
        '--sbatch <kind=options>',
        'slurm: options of sbatch, for a kind of phase or for all; may be repeated: --sbatch branch="--gres=gpu:1" --sbatch all="--time=12:00:00"',
      ).argParser(collectSbatch),
    );
}

export const redisOption = (): Option =>
  new Option('--redis <url>', 'the queue: redis://host:6379 or rediss://host:6379 (TLS)').env('STAGED_VLM_REDIS');

export const namespaceOption = (): Option =>
  new Option('--namespace <name>', 'what its keys in Redis begin with; one for each store').default('staged-vlm');

/** The executor that the options name, and a function that closes it. */
export async function openExecutor(
  options: ExecutorOptions,
  study: Study,
  store: Store,
  patience: 'wait' | 'fail',
): Promise<Executor> {
  if (options.executor === 'local') {
    return localExecutor({
      store,
      runner: childProcessRunner(store),
      concurrency: options.workers ?? defaultWorkers(study),
      ...(options.attempts === undefined ? {} : { attempts: options.attempts }),
      runsAlone: (phase) => phase.kind === 'corpus',
    });
  }
  if (options.executor === 'slurm') {
    const { slurmExecutor } = await loadOptional('@vlm/executor-slurm', () => import('@vlm/executor-slurm'));
    const { sbatch = {}, slurmFolder } = options;
    return slurmExecutor({
      store,
      ...(slurmFolder ? { folder: resolve(slurmFolder) } : {}),
      command: [process.execPath, fileURLToPath(new URL('cli.js', import.meta.url)), 'task'],
      options: (kind) => [...(sbatch['all'] ?? []), ...(sbatch[kind] ?? [])],
    });
  }
  const { bullmqExecutor } = await loadOptional('@vlm/executor-bullmq', () => import('@vlm/executor-bullmq'));
  const redis = await openRedis(options.redis, patience);
  const executor = bullmqExecutor({ redis, store, namespace: options.namespace, labels: options.label ?? {} });
  return {
    ...executor,
    async close() {
      await executor.close();
      redis.disconnect();
    },
  };
}

/**
 * A connection that has been answered once, so that a wrong address or password is told at the start.
 *
 * @param wait for a Redis that is away; without it that is an error
 */
export async function openRedis(
  url: string | undefined,
  patience: 'wait' | 'fail',
  wait?: WaitOptions,
): Promise<ReturnType<typeof import('@vlm/executor-bullmq')['connectRedis']>> {
  const { connectRedis, parseRedisLocation, reachRedis } = await loadOptional(
    '@vlm/executor-bullmq',
    () => import('@vlm/executor-bullmq'),
  );
  if (url === undefined) {
    throw new StudyError(
      'bad-option',
      'The executor bullmq needs a Redis: --redis redis://host:6379, or STAGED_VLM_REDIS.',
    );
  }
  const location = parseRedisLocation(url);
  await reachRedis(location, wait);
  return connectRedis(location, patience);
}

function collectSbatch(text: string, before: Record<string, string[]> = {}): Record<string, string[]> {
  const [, kind, options] = /^([a-z]+)=(-.*)$/.exec(text) ?? [];
  if (!kind || !options) {
    throw new StudyError(
      'bad-option',
      `Expected options of sbatch like branch="--gres=gpu:1", got ${JSON.stringify(text)}.`,
    );
  }
  checkKind(kind, ['all']);
  return { ...before, [kind]: [...(before[kind] ?? []), ...options.split(/\s+/)] };
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [kind = '', label = ''] = pair.split('=');
      if (kind === '' || label === '') {
        throw new StudyError('bad-option', `Expected labels like main=gpu,branch=gpu, got ${JSON.stringify(text)}.`);
      }
      checkKind(kind);
      return [kind, label];
    }),
  );
}
