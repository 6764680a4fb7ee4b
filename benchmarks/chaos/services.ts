import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Lab, Running } from './lab.ts';

export const cli: string = fileURLToPath(new URL('../../packages/staged-vlm/dist/cli.js', import.meta.url));
const s3Process = fileURLToPath(new URL('s3-process.ts', import.meta.url));
const bucket = 'lab';

/** Redis on a machine of its own, with its append-only file in `folder`. */
export interface RedisService {
  url: string;
  start(): Promise<void>;
  /** SIGKILL; it is empty when it starts again, unless it may keep its file. */
  crash(keepFile: boolean): Promise<void>;
}

export function redisService(lab: Lab, machine: string, folder: string): RedisService {
  let server: Running | undefined;
  return {
    url: `redis://${lab.address(machine)}:6379`,
    async start() {
      const settings = ['--bind', lab.address(machine), '--protected-mode', 'no', '--dir', folder];
      const memory = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''];
      server = lab.start(machine, ['redis-server', ...settings, ...memory]);
      await sleep(300);
    },
    async crash(keepFile) {
      server?.kill('SIGKILL');
      await server?.ended;
      if (!keepFile) await rm(`${folder}/appendonlydir`, { recursive: true, force: true });
    },
  };
}

/** The S3 server on a machine of its own; its proxy refuses a share of the requests. */
export function s3Service(lab: Lab, machine: string, folder: string, refused: number, onLine?: (line: string) => void) {
  const host = lab.address(machine);
  const tsx = ['node', '--import', 'tsx', '--conditions=@vlm/source'];
  lab.start(machine, [...tsx, s3Process, host, folder, bucket, String(refused)], onLine ? { onLine } : {});
  return {
    location: (prefix: string) => `s3://${bucket}/${prefix}`,
    env: {
      AWS_ENDPOINT_URL: `http://${host}:9000`,
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
      AWS_REGION: 'us-east-1',
    },
  };
}

export interface Place {
  redis: string;
  store: string;
  namespace: string;
  env: Record<string, string>;
  /** Folder of the machine's own copies. */
  cache: string;
}

export function startWorker(lab: Lab, machine: string, place: Place, onLine: (line: string) => void): Running {
  const { redis, store, namespace, env, cache } = place;
  return lab.start(
    machine,
    ['nice', '-n', '5', 'node', cli, 'worker', '--redis', redis, '--store', store, '--namespace', namespace],
    { env: { ...env, STAGED_VLM_CACHE: cache }, onLine },
  );
}

export function startRun(lab: Lab, machine: string, recipe: string, place: Place, onLine: (line: string) => void) {
  const { redis, store, namespace, env, cache } = place;
  const queue = ['--executor', 'bullmq', '--redis', redis, '--namespace', namespace];
  return lab.start(machine, ['nice', '-n', '5', 'node', cli, 'study', 'run', recipe, '--store', store, ...queue], {
    env: { ...env, STAGED_VLM_CACHE: cache },
    onLine,
  });
}
