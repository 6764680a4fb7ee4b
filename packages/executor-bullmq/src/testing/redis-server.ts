import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real redis-server of one test, on a free port of this machine. */
export interface TestRedis {
  port: number;
  folder: string;
  /** Kills it (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it again; with `appendonly` it remembers, else it comes back empty. */
  start(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const hasRedisServer: boolean = isInstalled('redis-server');

function isInstalled(binary: string): boolean {
  try {
    execFileSync(binary, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @param settings lines of redis.conf as arguments, such as `['--appendonly', 'yes']` */
export async function startRedis(settings: (folder: string, port: number) => string[] = () => []): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const port = await freePort();
  let server = await launch();

  async function launch(): Promise<ChildProcess> {
    const own = settings(folder, port);
    const address = own.includes('--tls-port') ? [] : ['--port', String(port)];
    const child = spawn('redis-server', [...address, '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...own], {
      stdio: 'ignore',
    });
    await listening(port);
    return child;
  }
  const kill = async (): Promise<void> => {
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await gone;
  };
  const start = async (): Promise<void> => {
    server = await launch();
  };
  return {
    port,
    folder,
    kill,
    start,
    async restart() {
      await kill();
      await start();
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isUp) return;
    await sleep(50);
  }
  throw new Error(`redis-server does not listen on port ${port}.`);
}
