import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  describeHardware,
  expandStudy,
  hardwareText,
  openStore,
  presets,
  type Store,
  type StudyEvent,
} from '@vlm/study';
import {
  contractStudy,
  type ExecutorUnderTest,
  executorContract,
  openTrace,
  tracedRunner,
} from '@vlm/study/executor-contract';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BullmqExecutor, bullmqExecutor } from './bullmq-executor.ts';
import { connectRedis } from './connection.ts';
import { hasRedisServer, startRedis, type TestRedis } from './testing/redis-server.ts';
import { type PhaseWorker, startWorker, type WorkerEvent, type WorkerOptions } from './worker.ts';

const timing = { lockMs: 1500, stalledCheckMs: 500, heartbeatMs: 200, pauseMs: 500 };
const attempts = { attempts: 2, delayMs: 50 };
const estimate = () => 1;

let server: TestRedis;
beforeAll(async () => {
  if (hasRedisServer) server = await startRedis();
});
afterAll(() => server?.stop());

let folder: string;
let store: Store;
let redis: Redis;
let executor: BullmqExecutor;
let namespace: string;
let workers: PhaseWorker[];
let given: ExecutorUnderTest;
let count = 0;

const work = async (extra: Partial<WorkerOptions> = {}): Promise<PhaseWorker> => {
  const runner = tracedRunner(store, join(folder, 'trace'));
  const worker = await startWorker({ redis, store, runner, labels: { any: 2 }, namespace, attempts, timing, ...extra });
  workers.push(worker);
  return worker;
};
const executorWith = (extra: Partial<Parameters<typeof bullmqExecutor>[0]> = {}): BullmqExecutor =>
  bullmqExecutor({ redis, store, namespace, attempts, reconcileMs: 200, ...extra });

const suite = describe.skipIf(!hasRedisServer);
if (!hasRedisServer) it.skip('needs redis-server on the PATH (Debian: apt-get install redis-server)');

suite('bullmqExecutor', { timeout: 90_000 }, () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bullmq-'));
    store = await openStore(join(folder, 'store'));
    redis = connectRedis({ host: '127.0.0.1', port: server.port, db: 0, tls: false }, 'wait', {});
    namespace = `test-${count++}`;
    workers = [];
    executor = executorWith();
    given = { executor, store, trace: await openTrace(join(folder, 'trace')) };
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    await executor.close();
    redis.disconnect();
    await rm(folder, { recursive: true, force: true });
  });

  describe('keeps the contract of executors', () => {
    for (const { name, check } of executorContract) {
      it(name, async () => {
        await work();
        await check(given);
      });
    }
  });

  it('runs a phase that two studies share once, on whichever of two workers', async () => {
    await work();
    await work();
    const other = expandStudy({ ...contractStudy.recipe, name: 'other', arms: contractStudy.recipe.arms.slice(1) });
    await Promise.all([executor.run(contractStudy, { estimate }), executorWith().run(other, { estimate })]);
    const starts = (await given.trace.lines()).filter(({ what }) => what === 'start').map(({ id }) => id);
    const shared = starts.filter((id) => id !== 'report');
    expect(new Set(shared).size).toBe(shared.length);
    expect(starts.filter((id) => id === 'report').length).toBe(2);
  });

  it('goes to its end without its submitter', async () => {
    await executor.submit(contractStudy, { estimate });
    await executor.close();
    await work();
    await expect.poll(() => store.record(contractStudy.phases.at(-1)!), { timeout: 30_000 }).toBeDefined();
  });

  it('gives phases to workers with their label alone', async () => {
    const labelled = executorWith({ labels: { main: 'gpu' } });
    const seen: { label: string; kind: string }[] = [];
    const watch = (label: string) => (event: WorkerEvent) => {
      if (event.type === 'phase-started') seen.push({ label, kind: event.phase.kind });
    };
    await work({ labels: { any: 2 }, onEvent: watch('any') });
    await work({ labels: { gpu: 1 }, onEvent: watch('gpu') });
    await labelled.run(contractStudy, { estimate });
    expect(new Set(seen.filter(({ label }) => label === 'gpu').map(({ kind }) => kind))).toEqual(new Set(['main']));
    expect(seen.filter(({ label, kind }) => label === 'any' && kind === 'main')).toEqual([]);
    await labelled.close();
  });

  it.each(['branch-0', 'branch-50'])('gives the longest chain first: that of %s', async (arm) => {
    for (const phase of contractStudy.phases) {
      if (/^(branch|finetune|evaluate|report)/.test(phase.kind)) continue;
      await store.finish(phase, { finishedAt: '', seconds: 0, peakBytes: 0, summary: {} });
    }
    const seen: string[] = [];
    const onEvent = (event: WorkerEvent): void => {
      if (event.type === 'phase-started') seen.push(event.phase.id);
    };
    const lengthened = { estimate: ({ id }: { id: string }) => (id.includes(`${arm}/`) ? 1000 : 1) };
    await executor.submit(contractStudy, lengthened);
    await work({ labels: { any: 1 }, onEvent });
    await executor.run(contractStudy, lengthened);
    const other = arm === 'branch-0' ? 'branch-50' : 'branch-0';
    expect(seen[0]).toBe(`branch/${arm}/seed-124`);
    expect(seen.indexOf(`branch/${other}/seed-124`)).toBeLessThan(seen.indexOf('evaluate/text-model/seed-124'));
  });

  const queued = async (label: string): Promise<string[]> =>
    (await redis.zrange(`${namespace}:phases-${label}:prioritized`, '0', '-1')).map((job) => job.replace(/-.*/, ''));
  const submissions = () => redis.hgetall(`${namespace}:studies`).then((texts) => Object.entries(texts));
  const studyStates = async () => Object.values(await redis.hgetall(`${namespace}:states`));

  it('takes corrected labels, also where workers know the study already, and keeps them when none are given', async () => {
    const labelled = executorWith({ labels: { corpus: 'gpu', features: 'gpu' } });
    await executor.submit(contractStudy, { estimate });
    expect(await queued('any')).toEqual(['corpus']);
    await labelled.submit(contractStudy, { estimate });
    expect([await queued('any'), await queued('gpu')]).toEqual([[], ['corpus']]);
    await executor.submit(contractStudy, { estimate });
    await executor.retry(contractStudy);
    expect([await queued('any'), await queued('gpu')]).toEqual([[], ['corpus']]);

    await given.trace.setHeld('encoder', true);
    await work({ labels: { any: 2 } });
    const gpu = await work({ labels: { gpu: 1 } });
    await expect
      .poll(async () => (await given.trace.lines()).some(({ id }) => id === 'encoder'), { timeout: 20_000 })
      .toBe(true);
    await gpu.close();
    const corrected = executorWith({ labels: { features: 'fast' } });
    await corrected.submit(contractStudy, { estimate });
    await given.trace.setHeld('encoder', false);
    await expect.poll(() => queued('fast'), { timeout: 20_000 }).toEqual(['features']);
    expect(await queued('gpu')).toEqual([]);
    expect((await executor.status(contractStudy)).find(({ phase }) => phase.id === 'features')!.state).toBe('queued');
    await Promise.all([labelled.close(), corrected.close()]);
  });

  it('retries what failed, and does not begin a cancelled study again', async () => {
    await executor.submit(contractStudy, { estimate });
    expect(await executor.cancel(contractStudy)).toBe(true);
    expect(await executor.retry(contractStudy)).toEqual([]);
    expect(await queued('any')).toEqual([]);
    expect(await studyStates()).toEqual(['cancelled']);
  });

  it('calls a study done when its report is there, whoever followed it', async () => {
    await executor.submit(contractStudy, { estimate });
    await work();
    await expect.poll(studyStates, { timeout: 30_000 }).toEqual(['done']);
    for (const again of [
      () => executor.submit(contractStudy, { estimate }),
      () => executor.run(contractStudy, { estimate }),
    ]) {
      await again();
      expect(await studyStates()).toEqual(['done']);
    }
    const [id, text] = (await submissions())[0]!;
    await redis.hset(`${namespace}:studies`, id, JSON.stringify({ ...JSON.parse(text), version: '9.9.9' }));
    await work();
  });

  it('recovers the phase of a worker that vanished', async () => {
    const events: StudyEvent[] = [];
    const lost = connectRedis({ host: '127.0.0.1', port: server.port, db: 0, tls: false }, 'wait', {});
    const never = { run: () => new Promise<never>(() => {}) };
    const gone = await startWorker({ redis: lost, store, runner: never, labels: { any: 1 }, namespace, timing });
    const running = executor.run(contractStudy, { estimate, onEvent: (event) => events.push(event) });
    await expect.poll(() => events.some(({ type }) => type === 'phase-started'), { timeout: 10_000 }).toBe(true);
    lost.disconnect();
    await work();
    expect((await running).size).toBe(contractStudy.phases.length);
    expect(events.some((event) => event.type === 'phase-warning' && /worker was lost/.test(event.message))).toBe(true);
    void gone;
  });

  it('goes on when Redis comes back with an empty memory', async () => {
    await work();
    await given.trace.setHeld('encoder', true);
    const running = executor.run(contractStudy, { estimate });
    await expect
      .poll(async () => (await given.trace.lines()).some(({ id }) => id === 'encoder'), { timeout: 20_000 })
      .toBe(true);
    await server.restart();
    await given.trace.setHeld('encoder', false);
    expect((await running).size).toBe(contractStudy.phases.length);
  });

  it.each(['no-space', 'missing-here'])(
    'takes no phases for a while when its machine is the trouble (%s), and charges the phase nothing',
    async (code) => {
      const trouble = Object.assign(new Error('Not on this machine'), { code });
      const traced = tracedRunner(store, join(folder, 'trace'));
      let refusals = 0;
      const events: WorkerEvent[] = [];
      const runner: typeof traced = {
        run: async (...call) => {
          if (refusals++ < 3) throw trouble;
          return traced.run(...call);
        },
      };
      await work({ runner, onEvent: (event) => events.push(event) });
      await executor.run(contractStudy, { estimate });
      expect(events.filter(({ type }) => type === 'paused').length).toBeGreaterThan(0);
      expect(events.filter(({ type }) => type === 'phase-failed')).toEqual([]);
    },
  );

  it('tells what the machine is that runs a phase', async () => {
    await work();
    await given.trace.setHeld('corpus', true);
    const running = executor.run(contractStudy, { estimate });
    const corpus = async () => (await executor.status(contractStudy))[0];
    await expect.poll(corpus, { timeout: 10_000 }).toMatchObject({ state: 'running', host: hostname() });
    expect((await corpus())!.machine).toBe(hardwareText(await describeHardware()));
    await given.trace.setHeld('corpus', false);
    await running;
  });

  it('gives phases back when it is closed', async () => {
    const first = await work();
    await given.trace.setHeld('corpus', true);
    const running = executor.run(contractStudy, { estimate });
    await expect.poll(async () => (await given.trace.lines()).length, { timeout: 10_000 }).toBe(1);
    await first.close();
    expect((await given.trace.lines()).at(-1)).toEqual({ what: 'stop', id: 'corpus' });
    await given.trace.setHeld('corpus', false);
    await work();
    expect((await running).size).toBe(contractStudy.phases.length);
  });

  // Why phases are not one BullMQ flow: docs/decisions/0012-many-machines.md. When this fails, flows can carry a study's graph.
  it('cannot use flows: a job has one parent, and a second one waits for ever', async () => {
    const { FlowProducer, Queue, Worker } = await import('bullmq');
    const where = { connection: redis, prefix: namespace };
    const flows = new FlowProducer(where);
    const queue = new Queue('flows', where);
    const parent = (name: string) => ({
      name,
      queueName: 'flows',
      opts: { jobId: name },
      children: [{ name: 'shared', queueName: 'flows', opts: { jobId: 'shared' } }],
    });
    await flows.add(parent('first'));
    await flows.add(parent('second'));
    const worker = new Worker('flows', async () => {}, where);
    const stateOf = async (id: string) => (await queue.getJob(id))!.getState();
    await expect.poll(() => stateOf('first')).toBe('completed');
    expect(await stateOf('shared')).toBe('completed');
    expect(await stateOf('second')).toBe('waiting-children');
    await Promise.all([worker.close(), flows.close(), queue.close()]);
  });

  describe('refuses', () => {
    const other = '9.9.9, numerics 99';

    it('to submit beside workers of another version, naming both', async () => {
      const card = { id: 'w', host: 'node-7', pid: 1, version: other, labels: { any: 1 }, machine: '' };
      await redis.set(`${namespace}:worker:w`, JSON.stringify(card), 'EX', 30);
      await expect(executor.run(contractStudy, { estimate })).rejects.toMatchObject({
        code: 'version-mismatch',
        message: expect.stringMatching(
          /by @vlm\/study 0\.\d+\.\d+, numerics \d+, and the worker on node-7 has @vlm\/study 9\.9\.9, numerics 99/,
        ),
      });
    });

    it('to work for a study of another version, at its start and at a job', async () => {
      await executor.submit(contractStudy, { estimate });
      const worker = await work({ labels: { other: 1 } });
      await worker.close();
      const [id, text] = Object.entries(await redis.hgetall(`${namespace}:studies`))[0]!;
      await work();
      await redis.hset(`${namespace}:studies`, id, JSON.stringify({ ...JSON.parse(text), version: other }));
      await expect(work()).rejects.toMatchObject({
        code: 'version-mismatch',
        message: expect.stringMatching(/The study is smoke, .*study cancel/),
      });
    });

    it('nothing to whoever cancels a study of another version beside its workers', async () => {
      await executor.submit(contractStudy, { estimate });
      const card = { id: 'w', host: 'node-7', pid: 1, version: other, labels: { any: 1 }, machine: '' };
      await redis.set(`${namespace}:worker:w`, JSON.stringify(card), 'EX', 30);
      const [id, text] = (await submissions())[0]!;
      await redis.hset(`${namespace}:studies`, id, JSON.stringify({ ...JSON.parse(text), version: other }));
      expect(await executor.cancel(contractStudy)).toBe(true);
      expect(await studyStates()).toEqual(['cancelled']);
      await work();
    });

    const submitForged = async (
      data: unknown,
      change?: (study: Record<string, unknown>) => unknown,
    ): Promise<string> => {
      await executor.submit(contractStudy, { estimate });
      await redis.del(`${namespace}:phases-any:prioritized`);
      const [id, text] = Object.entries(await redis.hgetall(`${namespace}:studies`))[0]!;
      if (change) await redis.hset(`${namespace}:studies`, id, JSON.stringify(change(JSON.parse(text))));
      const { Queue } = await import('bullmq');
      const queue = new Queue('phases-any', { connection: redis, prefix: namespace });
      const job = await queue.add('forged', data instanceof Function ? data(id) : data, { jobId: 'forged' });
      await work();
      await expect.poll(() => job.isFailed(), { timeout: 10_000 }).toBe(true);
      const reason = (await queue.getJob('forged'))!.failedReason!;
      await queue.close();
      return reason;
    };
    const tokenizer = contractStudy.phases.find(({ id }) => id === 'tokenizer')!;

    it('a phase that its recipe does not have', async () => {
      const reason = await submitForged((study: string) => ({ study, phase: 'mine', hash: tokenizer.hash }));
      expect(reason).toContain('Expected a phase of recipe smoke, got "mine"');
    });
    it('a hash that its recipe does not give', async () => {
      const reason = await submitForged((study: string) => ({ study, phase: 'tokenizer', hash: '0'.repeat(16) }));
      expect(reason).toContain(`${tokenizer.hash}, got ${'0'.repeat(16)}`);
    });
    it('more in a job than names', async () => {
      const reason = await submitForged((study: string) => ({
        study,
        phase: 'tokenizer',
        hash: tokenizer.hash,
        run: 'rm',
      }));
      expect(reason).toContain('Expected a job that names a study');
    });
    it('a recipe that does not validate', async () => {
      const reason = await submitForged(
        (study: string) => ({ study, phase: 'tokenizer', hash: tokenizer.hash }),
        (submitted) => ({ ...submitted, recipe: { ...presets['smoke'], code: 'evil' } }),
      );
      expect(reason).toContain('unknown key "code"');
    });
    it('a recipe under the identity of another', async () => {
      const reason = await submitForged(
        (study: string) => ({ study, phase: 'tokenizer', hash: tokenizer.hash }),
        (submitted) => ({ ...submitted, recipe: presets['quick'] }),
      );
      expect(reason).toContain('Expected a recipe with the identity');
    });
    it('to work on another store than the submitter', async () => {
      await executor.submit(contractStudy, { estimate });
      const elsewhere = await openStore(join(folder, 'elsewhere'));
      const paused: string[] = [];
      const onEvent = (event: WorkerEvent): void => {
        if (event.type === 'paused') paused.push(event.reason);
      };
      const mistaken = await work({ store: elsewhere, onEvent });
      await expect.poll(() => paused.length, { timeout: 10_000 }).toBeGreaterThan(0);
      expect(paused[0]).toMatch(/Expected the store of the submitter .* Give --store the same folder/);
      await mistaken.close();
      await work();
      expect((await executor.run(contractStudy, { estimate })).size).toBe(contractStudy.phases.length);
    });
  });
});
