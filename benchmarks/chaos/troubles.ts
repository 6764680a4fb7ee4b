import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab, Running } from './lab.ts';
import type { RedisService } from './services.ts';

/** What has been done to a study. */
export interface Figures {
  kills: number;
  redisCrashes: number;
  /** Crashes after which Redis came back empty. */
  redisLosses: number;
  cuts: number;
  cutSeconds: number;
  fullDisks: number;
}

export interface TroubleOptions {
  lab: Lab;
  crew: ReadonlyMap<string, Running>;
  redis: RedisService;
  weather: { uniform(): number };
  figures: Figures;
  /** Mount point of the worker with the small disk. */
  disk: string;
  untilMs: number;
  say(line: string): void;
  signal: AbortSignal;
}

/** Makes trouble at random moments until the signal or the end of the time; puts everything right before it returns. */
export async function troubles(options: TroubleOptions): Promise<void> {
  const { lab, crew, redis, weather, figures, disk, untilMs, say, signal } = options;
  const between = (low: number, high: number): number => low + (high - low) * weather.uniform();
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(weather.uniform() * items.length)]!;
  const pending = new Set<Promise<void>>();
  const pause = (seconds: number): Promise<unknown> => sleep(seconds * 1000, undefined, { signal }).catch(() => {});
  const meanwhile = (work: () => Promise<void>): void => {
    const promise = work().finally(() => pending.delete(promise));
    pending.add(promise);
  };
  const isCut = new Set<string>();

  const kinds: Record<string, () => Promise<void>> = {
    async kill() {
      const machine = pick([...crew.keys()]);
      say(`SIGKILL ${machine}`);
      figures.kills++;
      crew.get(machine)?.kill('SIGKILL');
    },
    async redis() {
      const keepsFile = weather.uniform() < 0.5;
      const seconds = between(1, 10);
      say(`Redis crashes for ${seconds.toFixed(0)} s and comes back ${keepsFile ? 'with its file' : 'EMPTY'}`);
      figures.redisCrashes++;
      if (!keepsFile) figures.redisLosses++;
      await redis.crash(keepsFile);
      await pause(seconds);
      await redis.start();
    },
    async cable() {
      const machine = pick(['redis', 's3', 'submit', ...crew.keys()]);
      if (isCut.has(machine)) return;
      const seconds = weather.uniform() < 0.2 ? between(60, 150) : between(3, 20);
      say(`cable of ${machine} pulled for ${seconds.toFixed(0)} s`);
      figures.cuts++;
      isCut.add(machine);
      const fromMs = Date.now();
      lab.setLink(machine, false);
      meanwhile(async () => {
        await pause(seconds);
        lab.setLink(machine, true);
        isCut.delete(machine);
        figures.cutSeconds += Math.round((Date.now() - fromMs) / 1000);
      });
    },
    async disk() {
      const seconds = between(10, 40);
      say(`disk of w3 full for ${seconds.toFixed(0)} s`);
      figures.fullDisks++;
      const filler = join(disk, 'filler');
      try {
        execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'], { stdio: 'ignore' });
      } catch {} // It ends when the disk is full.
      await pause(seconds);
      await rm(filler, { force: true });
    },
  };
  const names = ['kill', 'kill', 'kill', 'redis', 'cable', 'cable', 'disk'];
  while (!signal.aborted && Date.now() < untilMs) {
    await pause(between(5, 35));
    if (signal.aborted || Date.now() >= untilMs) break;
    await kinds[pick(names)]!();
  }
  await Promise.all(pending);
}
