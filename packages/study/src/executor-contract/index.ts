import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Executor, StudyEvent } from '../executor.ts';
import { expandStudy, type Phase, prerequisites, type Study } from '../graph.ts';
import { presets } from '../presets/index.ts';
import type { Store } from '../store.ts';
import { StudyError } from '../study-error.ts';
import type { Trace } from './traced-runner.ts';

export { openTrace, type Trace, tracedRunner } from './traced-runner.ts';

/** An executor over an empty store, whose phases are run by a `tracedRunner` of that store. */
export interface ExecutorUnderTest {
  executor: Executor;
  store: Store;
  trace: Trace;
}

export interface ContractClause {
  name: string;
  check(given: ExecutorUnderTest): Promise<void>;
}

/** The smallest study with everything: shared phases, a run that is cut, two arms, a report. */
export const contractStudy: Study = expandStudy(presets['smoke']!);

const run = (
  { executor }: ExecutorUnderTest,
  extra: { onEvent?(event: StudyEvent): void; signal?: AbortSignal } = {},
) => executor.run(contractStudy, { estimate: () => 1, ...extra });
const phase = (id: string): Phase => contractStudy.phases.find((candidate) => candidate.id === id)!;
const started = async ({ trace }: ExecutorUnderTest): Promise<string[]> =>
  (await trace.lines()).filter(({ what }) => what === 'start').map(({ id }) => id);
const states = async ({ executor }: ExecutorUnderTest): Promise<Record<string, string>> =>
  Object.fromEntries((await executor.status(contractStudy)).map(({ phase: { id }, state }) => [id, state]));

/** Waits for something that another process does. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > untilMs) throw new Error(`Waited a minute in vain for: ${what}`);
    await sleep(50);
  }
}

/**
 * What every executor promises, as checks without a test framework: run each with a fresh `ExecutorUnderTest`.
 *
 * @example for (const { name, check } of executorContract) it(name, async () => check(await fresh()));
 */
export const executorContract: readonly ContractClause[] = [
  {
    name: 'runs every phase once, parents first, and returns all records',
    async check(given) {
      const events: StudyEvent[] = [];
      const records = await run(given, { onEvent: (event) => events.push(event) });
      deepStrictEqual([...records.keys()].sort(), contractStudy.phases.map(({ id }) => id).sort());
      const finished = new Set<string>();
      for (const { what, id } of await given.trace.lines()) {
        if (what === 'end') finished.add(id);
        else
          for (const before of prerequisites(phase(id))) ok(finished.has(before), `${id} began before ${before} ended`);
      }
      deepStrictEqual((await started(given)).sort(), [...new Set(await started(given))].sort());
      const ends = events.filter(({ type }) => type === 'phase-finished').map((event) => event.phase.id);
      deepStrictEqual(ends.sort(), contractStudy.phases.map(({ id }) => id).sort());
      for (const record of records.values()) ok(record.hardware?.cpu, 'a record names the machine');
    },
  },
  {
    name: 'repeats nothing that is finished',
    async check(given) {
      await run(given);
      await given.trace.forget();
      const events: StudyEvent[] = [];
      await run(given, { onEvent: (event) => events.push(event) });
      deepStrictEqual(await started(given), []);
      deepStrictEqual([...new Set(events.map(({ type }) => type))], ['phase-skipped']);
    },
  },
  {
    name: 'names a phase that fails, keeps what was finished and goes on from there',
    async check(given) {
      await given.trace.setFailing(phase('features'), true);
      await rejects(run(given), (error: StudyError) => {
        match(error.message, /features/);
        match(error.message, /broken on purpose/);
        return true;
      });
      const before = await states(given);
      strictEqual(before['features'], 'failed');
      strictEqual(before['corpus'], 'done');
      strictEqual(before['report'], 'waiting');
      match(await given.executor.log(phase('features')), /broken on purpose/);
      await given.trace.setFailing(phase('features'), false);
      await given.trace.forget();
      await run(given);
      const done = Object.values(before).filter((state) => state === 'done').length;
      strictEqual((await started(given)).length, contractStudy.phases.length - done);
    },
  },
  {
    name: 'gives a failed phase another attempt on request',
    async check(given) {
      await given.trace.setFailing(phase('tokenizer'), true);
      await rejects(run(given));
      await given.trace.setFailing(phase('tokenizer'), false);
      deepStrictEqual(await given.executor.retry(contractStudy, 'corpus'), []);
      deepStrictEqual(await given.executor.retry(contractStudy, 'tokenizer'), ['tokenizer']);
      ok((await states(given))['tokenizer'] !== 'failed');
      strictEqual((await run(given)).size, contractStudy.phases.length);
    },
  },
  {
    name: 'tells what runs, with its progress, from beside the run',
    async check(given) {
      await given.trace.setHeld('tokenizer', true);
      const seen: StudyEvent[] = [];
      const running = run(given, { onEvent: (event) => seen.push(event) });
      running.catch(() => {});
      const find = async () =>
        (await given.executor.status(contractStudy)).find(({ phase: { id } }) => id === 'tokenizer');
      await until('the tokenizer to run and to say where it is', async () => {
        const status = await find();
        return status?.state === 'running' && status.progress?.loss === 1.25;
      });
      const status = await find();
      ok(status?.host, 'it says where');
      strictEqual((await states(given))['report'], 'waiting');
      match(await given.executor.log(phase('tokenizer')), /traced tokenizer/);
      await given.trace.setHeld('tokenizer', false);
      await running;
      ok(seen.some((event) => event.type === 'phase-progress' && event.phase.id === 'tokenizer'));
    },
  },
  {
    name: 'ends with `interrupted` when the signal fires, and goes on when called again',
    async check(given) {
      await given.trace.setHeld('encoder', true);
      const abort = new AbortController();
      const running = run(given, { signal: abort.signal });
      running.catch(() => {});
      await until('the encoder to begin', async () => (await started(given)).includes('encoder'));
      abort.abort();
      await rejects(running, { code: 'interrupted' });
      await given.trace.setHeld('encoder', false);
      strictEqual((await run(given)).size, contractStudy.phases.length);
    },
  },
  {
    name: 'cancels: what runs stops, nothing else begins, and a later run goes on',
    async check(given) {
      await given.trace.setHeld('encoder', true);
      const running = run(given);
      running.catch(() => {});
      await until('the encoder to begin', async () => (await started(given)).includes('encoder'));
      strictEqual(await given.executor.cancel(contractStudy), true);
      await rejects(
        running,
        (error) => StudyError.isInstance(error) && ['cancelled', 'interrupted'].includes(error.code),
      );
      await until('the encoder to stop', async () => (await states(given))['encoder'] === 'waiting');
      await given.trace.setHeld('encoder', false);
      await given.trace.forget();
      await sleep(300);
      deepStrictEqual(await started(given), []);
      strictEqual((await run(given)).size, contractStudy.phases.length);
      strictEqual(await given.executor.cancel(contractStudy), false, 'there is nothing to stop any more');
    },
  },
  {
    name: 'cancels nothing that another study needs: that one goes on to its end',
    async check(given) {
      const { recipe } = contractStudy;
      const other = expandStudy({ ...recipe, name: 'other', arms: recipe.arms.slice(1) });
      await given.trace.setHeld('encoder', true);
      const running = run(given);
      running.catch(() => {});
      await until('the encoder to begin', async () => (await started(given)).includes('encoder'));
      let isFollowed = false;
      const going = given.executor.run(other, {
        estimate: () => 1,
        onEvent() {
          isFollowed = true; // The corpus, which is there, is told of first.
        },
      });
      going.catch(() => {});
      await until('the other study to be taken up', async () => isFollowed);
      await given.executor.cancel(contractStudy);
      await rejects(
        running,
        (error) => StudyError.isInstance(error) && ['cancelled', 'interrupted'].includes(error.code),
      );
      await given.trace.setHeld('encoder', false);
      strictEqual((await going).size, other.phases.length);
      const branches = contractStudy.phases.filter(({ kind }) => kind === 'branch');
      const own = branches.filter(({ hash }) => !other.phases.some((needed) => needed.hash === hash));
      const begun = await started(given);
      ok(own.length > 0 && !own.some(({ id }) => begun.includes(id)), 'a cancelled branch began');
    },
  },
  {
    name: 'leaves out a shorter cut of a run that is already longer',
    async check(given) {
      await run(given);
      await given.trace.forget();
      const { recipe } = contractStudy;
      const grown = expandStudy({
        ...recipe,
        arms: [...recipe.arms, { id: 'branch-25', branchPoint: 0.25, schedule: 'continued' }],
      });
      await given.executor.run(grown, { estimate: () => 1 });
      strictEqual((await started(given)).filter((id) => id.startsWith('main/')).length, 1);
    },
  },
];
