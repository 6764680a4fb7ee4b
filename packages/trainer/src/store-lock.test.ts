import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCheckpointStore } from './checkpoint-store.ts';
import { thisHolder } from './holder.ts';
import { createBatches } from './packing.ts';
import { beginRun } from './run-state.ts';
import { arraySource, namedSource, repeatSource } from './sources.ts';
import { lockDirectory } from './store-lock.ts';
import { bigramParams, bigramStart, bigramStep } from './testing/bigram-step.ts';
import { type TrainOptions, train } from './train.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const writeLock = (holder: object | string): Promise<void> =>
  writeFile(join(directory, '.lock.json'), typeof holder === 'string' ? holder : JSON.stringify(holder));

const here = thisHolder();
const anotherBoot = '11111111-2222-3333-4444-555555555555 pid:[4026531836]';
const anotherContainer = `${here.processes?.split(' ')[0]} pid:[1]`;

/** The number of a process that has ended. */
function deadProcess(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
    child.on('close', () => resolve(child.pid!));
  });
}

describe('a folder of checkpoints', () => {
  it('has one holder at a time, and can be taken again when it is given back', async () => {
    const release = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toMatchObject({
      code: 'store-locked',
      message: expect.stringMatching(
        new RegExp(`expected ${directory} for this run alone, got a run of process ${process.pid} on ${hostname()}`),
      ),
    });
    await release();
    await (await lockDirectory(directory))();
    expect(await readdir(directory)).toEqual([]);
  });

  it('of many who try at once gets exactly one, also when a dead one must be taken over', async () => {
    await writeLock({ pid: await deadProcess(), host: hostname(), since: 'then' });
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(JSON.parse(await readFile(join(directory, '.lock.json'), 'utf8'))).toEqual({
      ...thisHolder(),
      since: expect.any(String),
    });
    expect(await readdir(directory)).toEqual(['.lock.json']);
    for (const each of tries) if (each.status === 'fulfilled') await each.value();
  });

  it.each<[string, object | string]>([
    ['of an earlier process with the number of this one', { pid: process.pid, host: hostname(), since: 'then' }],
    ...(here.processes === undefined
      ? []
      : [
          [
            'of a process of an earlier boot, whose number another has now',
            { ...here, pid: process.ppid, processes: anotherBoot },
          ] as [string, object],
        ]),
    ['that was cut while it was written', '{"pid": 1'],
  ])('with a lock %s is taken over', async (_, holder) => {
    await writeLock(holder);
    await (await lockDirectory(directory))();
  });

  it.each<[string, object]>([
    ['of a living process', { pid: process.ppid, host: hostname(), since: 'then' }],
    ['of another machine', { pid: 1, host: 'elsewhere', since: 'then' }],
    ['of a machine of another name and boot', { pid: 1, host: 'elsewhere', since: 'then', processes: anotherBoot }],
    ...(here.processes === undefined
      ? []
      : [
          [
            'of another container, also with the number of this process',
            { ...here, since: 'then', processes: anotherContainer },
          ] as [string, object],
          [
            'of another container, also with a number that is free here',
            { ...here, pid: 2 ** 22 + 1, since: 'then', processes: anotherContainer },
          ] as [string, object],
        ]),
  ])('with a lock %s is refused', async (_, holder) => {
    await writeLock(holder);
    await expect(lockDirectory(directory)).rejects.toThrow(/since then; wait for it, .* or delete .*\.lock\.json/);
  });

  it('is not given back by a run whose lock was deleted and taken by another', async () => {
    const release = await lockDirectory(directory);
    const another = JSON.stringify({ ...here, pid: process.ppid });
    await writeLock(another);
    await release();
    expect(await readFile(join(directory, '.lock.json'), 'utf8')).toBe(another);
  });

  it('that cannot be there is no matter of the lock', async () => {
    await writeFile(join(directory, 'file'), '');
    await (await lockDirectory(join(directory, 'file', 'store')))();
  });
});

describe('a run', () => {
  const options = (more: Partial<TrainOptions> = {}): TrainOptions => ({
    step: bigramStep(),
    run: { run: 'main', schedule: { kind: 'constant', lrPeak: 0.1, warmupSteps: 0 }, numerics: 'bigram' },
    start: (run) => beginRun({ ...run, params: bigramStart() }),
    batches: (state) =>
      createBatches({
        batch: 1,
        length: 4,
        features: 0,
        sizes: [0],
        open: namedSource(
          'all',
          repeatSource(arraySource([{ id: 'a', tokens: Int32Array.of(0, 1, 2), loss: Uint8Array.of(1, 1, 1) }]), 99),
        ),
        packing: 'chunks',
        padToken: 1,
        state,
      }),
    steps: 4,
    store: createCheckpointStore({ directory, params: bigramParams }),
    ...more,
  });

  it('refuses a store that another run writes to, which goes on undisturbed', async () => {
    let refused: unknown;
    const first = await train(
      options({
        step: bigramStep({
          before: async (call) => {
            if (call === 2) refused = await train(options()).catch((error: unknown) => error);
            return undefined;
          },
        }),
      }),
    );
    expect(refused).toMatchObject({ code: 'store-locked' });
    expect(first.status).toBe('finished');
  });

  it('gives the store back at its end and after an error', async () => {
    const broken = bigramStep({ before: () => Promise.reject(new Error('broken')) });
    await expect(train(options({ step: broken }))).rejects.toThrow('broken');
    expect(await readdir(directory)).toEqual([]);
    await train(options());
    expect(await readdir(directory)).toEqual(['step-000000004']);
  });
});
