import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Executor, PhaseRunner } from './executor.ts';
import {
  contractStudy,
  type ExecutorUnderTest,
  executorContract,
  openTrace,
  tracedRunner,
} from './executor-contract/index.ts';
import { expandStudy, type Phase } from './graph.ts';
import { identityOf } from './identity.ts';
import { localExecutor } from './local-executor.ts';
import { thisHolder } from './store/holder.ts';
import { openStore } from './store.ts';

let folder: string;
let given: ExecutorUnderTest;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-'));
  const store = await openStore(join(folder, 'store'));
  const runner = tracedRunner(store, join(folder, 'trace'));
  given = {
    store,
    trace: await openTrace(join(folder, 'trace')),
    executor: localExecutor({ store, runner, concurrency: 2 }),
  };
});
afterEach(async () => {
  await given.executor.close();
  await rm(folder, { recursive: true });
});

describe('localExecutor', () => {
  for (const { name, check } of executorContract) it(name, () => check(given));

  const [corpus] = contractStudy.phases as [Phase];
  const showRunOf = async (holder: object): Promise<void> => {
    const runs = join(given.store.directory, 'runs');
    await mkdir(runs, { recursive: true });
    const run = { ...holder, study: identityOf(contractStudy.recipe), at: new Date().toISOString() };
    await writeFile(join(runs, 'other.json'), JSON.stringify(run));
  };

  it('tells from another terminal what runs', async () => {
    const claim = (await given.store.claim(corpus))!;
    const look = async () => (await given.executor.status(contractStudy))[0];
    expect(await look()).toMatchObject({ state: 'running', host: hostname() });
    const progress = { fraction: 0.25, loss: 2, rate: 1200, unit: 'tokens' };
    await showRunOf({ ...thisHolder(), machine: 'a laptop', phases: { [corpus.hash]: progress } });
    expect(await look()).toMatchObject({ state: 'running', machine: 'a laptop', progress });
    await claim.release();
  });

  it('tells in another process what failed, until a run tries it again', async () => {
    const [, tokenizer] = contractStudy.phases as [Phase, Phase];
    await given.trace.setFailing(tokenizer, true);
    await expect(given.executor.run(contractStudy, { estimate: () => 1 })).rejects.toThrow(/broken on purpose/);
    const { store } = given;
    const runner = tracedRunner(store, join(folder, 'trace'));
    const later = localExecutor({ store, runner, concurrency: 2 });
    const look = async () => (await later.status(contractStudy)).find(({ phase }) => phase.id === tokenizer.id)!;
    expect(await look()).toMatchObject({
      ...{ state: 'failed', host: hostname(), failures: 1 },
      error: 'broken on purpose',
    });
    expect(await later.cancel(contractStudy)).toBe(false);
    const begun = await store.showRun({ study: identityOf(contractStudy.recipe) });
    expect((await look()).state).toBe('waiting'); // for the run that begins
    await begun.end();
    expect(await later.retry(contractStudy, 'corpus')).toEqual([]);
    expect(await later.retry(contractStudy)).toEqual([tokenizer.id]);
    expect((await look()).state).toBe('waiting');
    await expect(later.run(contractStudy, { estimate: () => 1 })).rejects.toThrow();
    expect((await look()).state).toBe('failed');
    await given.trace.setFailing(tokenizer, false);
    await later.run(contractStudy, { estimate: () => 1 });
    expect((await look()).state).toBe('done');
  });

  it('leaves to another run what that one has begun and not claimed yet', async () => {
    const { store } = given;
    const begun: string[] = [];
    const done: string[] = [];
    /** Like a phase's own process: it takes a while to start, and then waits for whoever has the phase. */
    const runnerOf = (name: string): PhaseRunner => ({
      async run(phase, _study, { signal }) {
        begun.push(`${name} ${phase.id}`);
        await sleep(phase.kind === 'corpus' ? 0 : 300);
        const claim = await store.claim(phase, { signal });
        if (!claim) return (await store.record(phase))!;
        done.push(phase.id);
        return store.finish(phase, { finishedAt: '', seconds: 0, peakBytes: 0, summary: {} });
      },
    });
    const [one, other] = ['one', 'other'].map((name) =>
      localExecutor({ store, runner: runnerOf(name), concurrency: 1 }),
    ) as [Executor, Executor];
    const running = one.run(contractStudy, { estimate: () => 1 });
    await expect.poll(() => begun.length, { timeout: 10_000, interval: 5 }).toBe(2);
    await expect.poll(async () => Object.keys((await store.runs())[0]?.phases ?? {}).length, { interval: 5 }).toBe(1);
    await Promise.all([running, other.run(contractStudy, { estimate: () => 1 })]);
    const [, taken = ''] = begun;
    const [first] = begun.filter((line) => line.startsWith('other'));
    expect(first).toBeDefined();
    expect(first).not.toBe(taken.replace('one', 'other'));
    expect(done.sort()).toEqual(contractStudy.phases.map(({ id }) => id).sort());
  });

  it('cancels a run in another terminal, of this study alone', async () => {
    const other = spawn('sleep', ['60']);
    const ended = once(other, 'exit');
    await showRunOf({ ...thisHolder(), pid: other.pid });
    const { recipe } = contractStudy;
    expect(await given.executor.cancel(expandStudy({ ...recipe, name: 'another' }))).toBe(false);
    expect(other.exitCode ?? other.signalCode).toBeNull();
    expect(await given.executor.cancel(contractStudy)).toBe(true);
    expect(await ended).toEqual([null, 'SIGTERM']);
  });

  it('says where a study runs that it cannot cancel', async () => {
    await showRunOf({ ...thisHolder(), host: 'node-7', pid: 12 });
    await expect(given.executor.cancel(contractStudy)).rejects.toMatchObject({
      code: 'runs-elsewhere',
      message: expect.stringMatching(/node-7 \(process 12\).*--executor bullmq/),
    });
  });
});
