import { execFileSync, type SpawnOptions, spawn } from 'node:child_process';

/**
 * A laboratory of machines on this one: each is a network namespace with an address of its own, joined by a bridge that leads nowhere else.
 * Needs root and iproute2. Nothing leaves it, and nothing outside is touched.
 */
export interface Lab {
  address(machine: string): string;
  /** Starts a program on a machine, in a process group of its own, under the machine's name. */
  start(machine: string, command: readonly string[], options?: StartOptions): Running;
  /** Pulls or puts back a machine's cable. */
  setLink(machine: string, isUp: boolean): void;
  close(): Promise<void>;
}

export interface StartOptions {
  env?: Record<string, string>;
  /** Told every line of its output. */
  onLine?(line: string): void;
}

export interface Running {
  readonly pid: number;
  readonly ended: Promise<number | null>;
  /** Ends the whole process group. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): void;
}

const network = '10.77.0';

/** Why there can be no laboratory here; undefined where there can. */
export function whyNoLab(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'the program `ip` (Debian: iproute2) is missing or may not make network namespaces';
  }
}

export function openLab(machines: readonly string[]): Lab {
  const prefix = `vlm${process.pid}`;
  const bridge = `br${process.pid}`;
  const running = new Set<Running>();
  const space = (machine: string): string => `${prefix}-${machine}`;
  const cable = (machine: string): string => `v${process.pid}-${machines.indexOf(machine)}`;
  const ip = (...words: string[]): void => void execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const address = (machine: string): string => `${network}.${machines.indexOf(machine) + 2}`;

  ip('link', 'add', bridge, 'type', 'bridge');
  ip('link', 'set', bridge, 'up');
  for (const machine of machines) {
    ip('netns', 'add', space(machine));
    ip('link', 'add', cable(machine), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space(machine));
    ip('link', 'set', cable(machine), 'master', bridge, 'up');
    ip('-n', space(machine), 'link', 'set', 'lo', 'up');
    ip('-n', space(machine), 'addr', 'add', `${address(machine)}/24`, 'dev', 'eth0');
    ip('-n', space(machine), 'link', 'set', 'eth0', 'up');
  }
  return {
    address,
    start(machine, command, options = {}) {
      const started = startIn(space(machine), machine, command, options);
      running.add(started);
      void started.ended.then(() => running.delete(started));
      return started;
    },
    setLink: (machine, isUp) => ip('link', 'set', cable(machine), isUp ? 'up' : 'down'),
    async close() {
      for (const program of running) program.kill('SIGKILL');
      await Promise.all([...running].map(({ ended }) => ended));
      for (const machine of machines) ip('netns', 'del', space(machine));
      ip('link', 'del', bridge);
    },
  };
}

function startIn(space: string, host: string, command: readonly string[], { env = {}, onLine }: StartOptions): Running {
  // A host name of its own (a UTS namespace), so that records tell the machines apart.
  const script = 'hostname "$0" && exec "$@"';
  const stdio: SpawnOptions['stdio'] = ['ignore', 'pipe', 'pipe'];
  const child = spawn('ip', ['netns', 'exec', space, 'unshare', '--uts', 'sh', '-c', script, host, ...command], {
    detached: true,
    stdio,
    env: { ...process.env, ...env },
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop()!;
      for (const line of lines) onLine?.(line);
    });
  }
  return {
    pid: child.pid!,
    ended: new Promise((resolve) => child.once('close', resolve)),
    kill(signal) {
      try {
        process.kill(-child.pid!, signal);
      } catch {} // It ended by itself.
    },
  };
}
