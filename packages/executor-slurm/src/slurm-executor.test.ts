import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Executor,
  expandStudy,
  openStore,
  type Phase,
  type Store,
  type Study,
  StudyError,
  type StudyEvent,
} from '@vlm/study';
import {
  contractStudy,
  type ExecutorUnderTest,
  executorContract,
  openTrace,
  tracedRunner,
} from '@vlm/study/executor-contract';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { planJobs } from './plan-jobs.ts';
import { runTask } from './run-task.ts';
import { slurmCommands } from './slurm-commands.ts';
import { type SlurmExecutorOptions, slurmExecutor } from './slurm-executor.ts';
import { openSlurmFolder } from './slurm-folder.ts';
import { answerTasks, type TaskAnswers } from './testing/answer-tasks.ts';
import { startCluster, type TestCluster, whyNoCluster } from './testing/slurm-cluster.ts';

const reason = whyNoCluster();
const never = new AbortController().signal;

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slurm-test-'));
  store = await openStore(join(folder, 'store'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

if (reason) it.skip(`a cluster of one node: ${reason}`);

describe.skipIf(reason)('slurmExecutor on a cluster of one node', { timeout: 180_000 }, () => {
  let cluster: TestCluster;
  let answers: TaskAnswers;
  let given: ExecutorUnderTest;
  beforeAll(async () => {
    cluster = await startCluster();
    process.env['SLURM_CONF'] = cluster.configuration;
  }, 60_000);
  afterAll(async () => {
    delete process.env['SLURM_CONF'];
    await cluster?.stop();
  });
  beforeEach(async () => {
    answers = await answerTasks(join(folder, 'answers'), tracedRunner(store, join(folder, 'trace'), 0));
    const executor = await slurmExecutor({ store, command: answers.command, pollMs: 100 });
    given = { executor, store, trace: await openTrace(join(folder, 'trace')) };
  });
  afterEach(async () => {
    await given.executor.cancel(contractStudy);
    await answers.stop();
  });

  describe('keeps the contract of executors', () => {
    for (const { name, check } of executorContract) it(name, () => check(given));
  });

  it('tells what became of a job that could say nothing itself', async () => {
    const executor = await slurmExecutor({ store, command: ['sh', '-c', 'kill -9 $$'], pollMs: 100 });
    await expect(executor.run(contractStudy, { estimate: () => 1 })).rejects.toThrow(/corpus failed: Slurm's job \d+/);
    const [corpus] = contractStudy.phases;
    expect(await executor.log(corpus!)).toMatch(/^Slurm's job \d+: FAILED on \S+/);
  });

  it('submits arms that are alike as an array whose tasks go on one by one', async () => {
    const [arm] = contractStudy.recipe.arms;
    const arms = [0.1, 0.2, 0.3].map((imageShare, i) => ({ ...arm!, id: `share-${i}`, imageShare }));
    const study = expandStudy({ ...contractStudy.recipe, arms });
    await given.executor.run(study, { estimate: () => 1 });
    const jobs = await (await openSlurmFolder(join(store.directory, 'slurm'))).jobs();
    const numbers = (kind: string) =>
      study.phases.filter((phase) => phase.kind === kind).map(({ hash }) => jobs[hash]!);
    const [array] = numbers('branch')[0]!.split('_');
    expect(numbers('branch')).toEqual([0, 1, 2].map((task) => `${array}_${task}`));
    expect((await slurmCommands().states(numbers('branch'))).size).toBe(3);
  });
});

describe('slurmExecutor, told of every state by a Slurm that is none', () => {
  /** Every job is in the state that is set. */
  const pretend = async (state: string) => {
    const submitted: string[] = [];
    const told = { state };
    const executor = await slurmExecutor({
      store,
      command: ['true'],
      pollMs: 5,
      slurm: {
        async submit() {
          return String(submitted.push('job'));
        },
        async states(jobs) {
          return new Map(jobs.map((job) => [job, { state: told.state }]));
        },
        async cancel() {},
      },
    });
    await executor.submit!(contractStudy, { estimate: () => 1 });
    const first = submitted.length;
    const of = async () => [...new Set((await executor.status(contractStudy)).map((status) => status.state))];
    return { executor, told, of, again: () => submitted.length - first };
  };

  it.each([
    ['RUNNING', 'running'],
    ['COMPLETING', 'running'],
    ['REQUEUE_HOLD', 'waiting'],
    ['PREEMPTED', 'waiting'],
    ['NODE_FAIL', 'waiting'],
    ['REVOKED', 'waiting'],
    ['CANCELLED', 'waiting'],
    ['FAILED', 'failed'],
    ['LAUNCH_FAILED', 'failed'],
    ['RECONFIG_FAIL', 'failed'],
    ['A_STATE_OF_TOMORROW', 'failed'],
  ])('%s is %s', async (state, expected) => {
    expect(await (await pretend(state)).of()).toEqual([expected]);
  });

  it('submits again what was preempted, while it follows, but not without end', async () => {
    const { executor, again } = await pretend('PREEMPTED');
    await expect(executor.run(contractStudy, { estimate: () => 1 })).rejects.toMatchObject({ code: 'cancelled' });
    expect(again()).toBeGreaterThanOrEqual(10);
  });

  it('says what failed in place of following for ever', async () => {
    const { executor, told, again } = await pretend('RUNNING');
    const onEvent = (): void => {
      told.state = 'LAUNCH_FAILED'; // once the first is seen to run
    };
    await expect(executor.run(contractStudy, { estimate: () => 1, onEvent })).rejects.toThrow(
      /ended with LAUNCH_FAILED/,
    );
    expect(again()).toBe(0);
  });
});

describe('slurmExecutor beside a Slurm that is none', () => {
  /** Jobs by number, one after the other; what they are and what happens while somebody asks is up to the test. */
  const openSlurm = async () => {
    const slurm = {
      states: new Map<string, string>(),
      submitted: [] as { job: string; name: string; dependency: string }[],
      cancelled: [] as string[],
      whileAsked: async (): Promise<void> => {},
    };
    const option = (options: readonly string[], name: string): string =>
      options.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3) ?? '';
    const open = (extra: Partial<SlurmExecutorOptions> = {}) =>
      slurmExecutor({
        store,
        command: ['true'],
        pollMs: 5,
        slurm: {
          async submit(_, options) {
            const job = String(slurm.submitted.length + 1);
            slurm.submitted.push({ job, name: option(options, 'job-name'), dependency: option(options, 'dependency') });
            return job;
          },
          async states(jobs) {
            await slurm.whileAsked();
            const stateOf = (job: string) => slurm.states.get(job) ?? slurm.states.get(job.split('_')[0]!) ?? 'PENDING';
            return new Map(jobs.map((job) => [job, { state: stateOf(job) }]));
          },
          async cancel(jobs) {
            slurm.cancelled.push(...jobs);
            for (const job of jobs) slurm.states.set(job, 'CANCELLED');
          },
        },
        ...extra,
      });
    return { slurm, open, executor: await open() };
  };
  const done = (phase: Phase) => store.finish(phase, { finishedAt: '', seconds: 0, peakBytes: 0, summary: {} });
  const [corpus] = contractStudy.phases as [Phase];

  it('sees that a phase is done which ends while Slurm is asked', async () => {
    const { executor, slurm } = await openSlurm();
    await executor.submit!(contractStudy, { estimate: () => 1 });
    const before = slurm.submitted.length;
    slurm.whileAsked = async () => {
      await done(corpus);
      slurm.states.set('1', 'COMPLETED');
    };
    expect((await executor.status(contractStudy))[0]).toMatchObject({ state: 'done' });
    await executor.submit!(contractStudy, { estimate: () => 1 });
    expect(slurm.submitted.length).toBe(before);
  });

  const { arms } = contractStudy.recipe;
  /** Shares all but the first arm and the report. */
  const other = expandStudy({ ...contractStudy.recipe, name: 'other', arms: arms.slice(1) });
  const statesOf = async ({ status }: Executor, study: Study): Promise<Record<string, string>> =>
    Object.fromEntries((await status(study)).map(({ phase, state }) => [phase.id, state]));

  it('cancels what no other study needs, and the rest with the last that does', async () => {
    const { executor, slurm } = await openSlurm();
    await executor.submit!(contractStudy, { estimate: () => 1 });
    await executor.submit!(other, { estimate: () => 1 });
    const jobs = await (await openSlurmFolder(join(store.directory, 'slurm'))).jobs();
    const numbers = (phases: readonly Phase[]) => [...new Set(phases.map(({ hash }) => jobs[hash]!))].sort();
    const shared = new Set(other.phases.map(({ hash }) => hash));
    expect(await executor.cancel(contractStudy)).toBe(true);
    expect([...slurm.cancelled].sort()).toEqual(numbers(contractStudy.phases.filter(({ hash }) => !shared.has(hash))));
    await expect(executor.run(other, { estimate: () => 1, signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(await executor.cancel(contractStudy)).toBe(false);
    expect(await executor.cancel(other)).toBe(true);
    expect([...slurm.cancelled].sort()).toEqual(numbers([...contractStudy.phases, ...other.phases]));
  });

  it('ends following a study that is cancelled, although its phases go on for another', async () => {
    const { executor, open } = await openSlurm();
    await executor.submit!(other, { estimate: () => 1 });
    const running = executor.run(contractStudy, { estimate: () => 1 });
    running.catch(() => {});
    await expect.poll(async () => (await statesOf(executor, contractStudy))['report']).toBe('waiting');
    await (await open()).cancel(contractStudy);
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('submits a phase that two studies share once, whoever submits at the same time', async () => {
    const { slurm, executor, open } = await openSlurm();
    const second = await open();
    await Promise.all([
      executor.submit!(contractStudy, { estimate: () => 1 }),
      second.submit!(other, { estimate: () => 1 }),
    ]);
    const jobs = await (await openSlurmFolder(join(store.directory, 'slurm'))).jobs();
    const phases = new Map([...contractStudy.phases, ...other.phases].map(({ hash, id }) => [hash, id]));
    expect(Object.keys(jobs).sort()).toEqual([...phases.keys()].sort());
    expect(slurm.submitted.length).toBe(new Set(Object.values(jobs).map((job) => job.split('_')[0])).size);
  });

  it('names for each job what its plan waits for, and jobs of before that it needs', async () => {
    const { slurm, executor } = await openSlurm();
    await executor.submit!(contractStudy, { estimate: () => 1 });
    const plan = planJobs(contractStudy.phases);
    const numberOf = (phase: Phase) => String(1 + plan.findIndex(({ phases }) => phases.includes(phase)));
    expect(slurm.submitted.map(({ dependency }) => dependency)).toEqual(
      plan.map(({ after }) => {
        const before = after.how === 'all' ? after.phases : [];
        return before.length === 0 ? '' : `afterok:${before.map(numberOf).join(':')}`;
      }),
    );
    await executor.submit!(other, { estimate: () => 1 });
    expect(slurm.submitted.slice(plan.length).map(({ name }) => name)).toEqual(['vlm-other-report']);
    expect(slurm.submitted.at(-1)!.dependency).toMatch(/^afterok:\d+(:\d+)+$/);
  });

  it('tries again one phase and what waits for it alone', async () => {
    const { slurm, executor } = await openSlurm();
    await done(corpus);
    await executor.submit!(contractStudy, { estimate: () => 1 });
    const jobOf = (kind: Phase['kind']) => slurm.submitted.find(({ name }) => name.endsWith(`-${kind}`))!.job;
    for (const { job } of slurm.submitted) slurm.states.set(job, 'CANCELLED');
    for (const kind of ['tokenizer', 'encoder'] as const) slurm.states.set(jobOf(kind), 'FAILED');
    const first = slurm.submitted.length;
    const kindsSince = (place: number) =>
      slurm.submitted.slice(place).map(({ name }) => name.replace(/^vlm-smoke-/, ''));
    expect(await executor.retry(contractStudy, 'tokenizer')).toEqual(['tokenizer']);
    // Branches wait for the features, and those for the encoder, which failed.
    expect(new Set(kindsSince(first))).toEqual(new Set(['tokenizer', 'main', 'evaluate']));
    expect(slurm.submitted[first + 1]!.dependency).toBe(`afterok:${slurm.submitted[first]!.job}`);
    const second = slurm.submitted.length;
    expect(await executor.retry(contractStudy)).toEqual(['encoder']);
    expect(kindsSince(second)).not.toContain('tokenizer');
    expect(kindsSince(second)).toContain('report');
    expect((await executor.status(contractStudy)).filter(({ state }) => state === 'failed')).toEqual([]);
  });

  it('wants a folder where the store is none', async () => {
    const elsewhere = { ...store, location: 's3://lab/studies' };
    await expect(slurmExecutor({ store: elsewhere, command: ['true'] })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining('--slurm-folder'),
    });
    await (await slurmExecutor({ store: elsewhere, command: ['true'], folder: join(folder, 'shared') })).close();
  });

  const timedOut = new StudyError('queue-unreachable', 'squeue failed: Socket timed out on send/recv operation');

  it('goes on following when Slurm does not answer for a while', async () => {
    const { executor, slurm } = await openSlurm();
    await executor.submit!(contractStudy, { estimate: () => 1 });
    let asked = 0;
    slurm.whileAsked = async () => {
      asked++;
      if (asked > 2 && asked < 6) throw timedOut;
      if (asked === 6) for (const phase of contractStudy.phases) await done(phase);
    };
    const warnings: string[] = [];
    const onEvent = (event: StudyEvent): void => {
      if (event.type === 'phase-warning') warnings.push(event.message);
    };
    const records = await executor.run(contractStudy, { estimate: () => 1, onEvent });
    expect(records.size).toBe(contractStudy.phases.length);
    expect(warnings).toEqual([`${timedOut.message} Asking again.`]);
  });

  it('says so when Slurm does not answer any more', async () => {
    const { slurm, open } = await openSlurm();
    const executor = await open({ patienceMs: 50 });
    await executor.submit!(contractStudy, { estimate: () => 1 });
    let asked = 0;
    slurm.whileAsked = async () => {
      if (++asked > 2) throw timedOut;
    };
    await expect(executor.run(contractStudy, { estimate: () => 1 })).rejects.toMatchObject({
      code: 'queue-unreachable',
      message: expect.stringMatching(/what was submitted goes on.*Last: squeue failed: Socket timed out/),
    });
  });
});

describe('runTask', () => {
  const run = async (change: (task: Record<string, unknown>) => unknown, task = 0) => {
    const slurm = await openSlurmFolder(join(folder, 'slurm'));
    const taskFile = await slurm.writeTasks(contractStudy, contractStudy.phases.slice(0, 1));
    await writeFile(taskFile, JSON.stringify(change(JSON.parse(await readFile(taskFile, 'utf8')))));
    const runner = tracedRunner(store, folder);
    return runTask({ taskFile, runner, task, signal: never, onWarning: () => {} });
  };

  it('runs the phase that its file names', async () => {
    expect((await run((file) => file)).id).toBe('corpus');
  });

  it.each<[string, (task: Record<string, unknown>) => unknown, RegExp]>([
    [
      'another version',
      (file) => ({ ...file, version: '9.9.9' }),
      /submitted by @vlm\/study 9\.9\.9, and the worker on \S+ has @vlm\/study 0\./,
    ],
    [
      'a recipe that does not validate',
      ({ recipe, ...file }) => ({ ...file, recipe: { ...(recipe as object), run: 1 } }),
      /unknown key "run"/,
    ],
    [
      'a hash of its own',
      (file) => ({ ...file, phases: [{ phase: 'corpus', hash: '0'.repeat(16) }] }),
      /got 0000000000000000/,
    ],
  ])('refuses %s', async (_, change, message) => {
    await expect(run(change)).rejects.toThrow(message);
  });

  it('refuses a task that its file does not have', async () => {
    await expect(run((file) => file, 3)).rejects.toThrow(/Expected a task from 0 to 0 .*, got 3/);
  });
});
