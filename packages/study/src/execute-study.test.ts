import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { executeStudy } from './execute-study.ts';
import type { PhaseRunner, StudyEvent } from './executor.ts';
import { expandStudy, type Phase } from './graph.ts';
import { presets } from './presets/index.ts';
import { openLocalCache } from './store/local-cache.ts';
import { openObjectStore } from './store/object-store.ts';
import { openStore, type Store } from './store.ts';
import { memoryObjects } from './testing/memory-objects.ts';

const study = expandStudy(presets['smoke']!);

let directory: string;
let store: Store;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'study-'));
  store = await openStore(directory);
});
afterEach(() => rm(directory, { recursive: true }));

/** Records the order of starts and ends; each phase "works" for one turn of the event loop. */
function tracingRunner(log: string[], fail?: (phase: Phase) => boolean): PhaseRunner {
  return {
    async run(phase) {
      log.push(`start ${phase.id}`);
      await new Promise((resolve) => setImmediate(resolve));
      if (fail?.(phase)) throw new Error(`broken ${phase.id}`);
      await store.finish(phase, { finishedAt: '', seconds: 1, peakBytes: 0, summary: {} });
      log.push(`end ${phase.id}`);
      return (await store.record(phase))!;
    },
  };
}

const run = (runner: PhaseRunner, extra: Partial<Parameters<typeof executeStudy>[1]> = {}) =>
  executeStudy(study, { store, runner, concurrency: 2, estimate: () => 1, ...extra });

describe('executeStudy', () => {
  it('runs every phase once, parents first, at most as many at a time as allowed', async () => {
    const log: string[] = [];
    const records = await run(tracingRunner(log));
    expect(records.size).toBe(study.phases.length);
    expect(log.filter((line) => line.startsWith('start')).length).toBe(study.phases.length);
    const open = new Set<string>();
    const done = new Set<string>();
    for (const line of log) {
      const [what, id] = line.split(' ') as [string, string];
      if (what === 'end') {
        open.delete(id);
        done.add(id);
        continue;
      }
      const phase = study.phases.find((candidate) => candidate.id === id)!;
      for (const parent of [...Object.values(phase.parents), ...(phase.continues ? [phase.continues] : [])])
        expect(done).toContain(parent);
      open.add(id);
      expect(open.size).toBeLessThanOrEqual(2);
    }
  });

  it('repeats nothing that is finished', async () => {
    await run(tracingRunner([]));
    const log: string[] = [];
    const events: StudyEvent[] = [];
    await run(tracingRunner(log), { onEvent: (event) => events.push(event) });
    expect(log).toEqual([]);
    expect(new Set(events.map((event) => event.type))).toEqual(new Set(['phase-skipped']));
  });

  it('goes on with everything that does not need a phase that failed', async () => {
    const log: string[] = [];
    const events: StudyEvent[] = [];
    const broken = (phase: Phase): boolean =>
      phase.id === 'branch/branch-0/seed-124' || phase.id === 'evaluate/text-model/seed-124';
    const failing = run(tracingRunner(log, broken), { onEvent: (event) => events.push(event), concurrency: 1 });
    await expect(failing).rejects.toMatchObject({
      code: 'phase-failed',
      message: expect.stringMatching(
        /2 phases failed and 3 that need them.*\n.*branch-0[^\n]*: broken.*\n.*text-model/,
      ),
    });
    expect(log).toContain('end evaluate/branch-50/seed-124');
    expect(log).not.toContain('start finetune/branch-0/seed-124');
    expect(events.filter(({ type }) => type === 'phase-failed').length).toBe(2);
  });

  it('tries a phase as often as it is told, and says so', async () => {
    let left = 2;
    const log: string[] = [];
    const warnings: string[] = [];
    const flaky = tracingRunner(log, (phase) => phase.id === 'tokenizer' && left-- > 0);
    await run(flaky, {
      attempts: 3,
      onEvent: (event) => {
        if (event.type === 'phase-warning') warnings.push(event.message);
      },
    });
    expect(log.filter((line) => line === 'start tokenizer').length).toBe(3);
    expect(warnings).toEqual([
      'Attempt 1 of 3 failed, trying again: broken tokenizer',
      'Attempt 2 of 3 failed, trying again: broken tokenizer',
    ]);
  });

  it('stops at a failure that everything needs, keeps what was finished and goes on from there', async () => {
    const log: string[] = [];
    await expect(run(tracingRunner(log, (phase) => phase.id === 'features'))).rejects.toThrow('broken features');
    const finished = log.filter((line) => line.startsWith('end')).length;
    expect(finished).toBeGreaterThan(0);
    const again: string[] = [];
    await run(tracingRunner(again));
    expect(again.filter((line) => line.startsWith('start')).length).toBe(study.phases.length - finished);
  });

  it('starts nothing after an abort', async () => {
    const abort = new AbortController();
    const log: string[] = [];
    const runner = tracingRunner(log);
    const stopping: PhaseRunner = {
      run(phase, ...rest) {
        if (phase.kind === 'tokenizer') abort.abort();
        return runner.run(phase, ...rest);
      },
    };
    await expect(run(stopping, { signal: abort.signal, concurrency: 1 })).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(log.filter((line) => line.startsWith('start')).at(-1)).toBe('start tokenizer');
  });

  it('leaves out a shorter cut of a run that is already longer', async () => {
    await run(tracingRunner([]));
    const grown = expandStudy({
      ...study.recipe,
      arms: [...study.recipe.arms, { id: 'branch-25', branchPoint: 0.25, schedule: 'continued' }],
    });
    const log: string[] = [];
    await executeStudy(grown, { store, runner: tracingRunner(log), concurrency: 1, estimate: () => 1 });
    expect(log.filter((line) => line.startsWith('start main')).length).toBe(1);
  });
});

/** As a phase's own process does it: one worker at a time, and whoever waited in vain takes the record that stands. */
function claimingRunner(own: Store, log: string[]): PhaseRunner {
  return {
    async run(phase, _study, { signal }) {
      const claim = await own.claim(phase, { signal });
      if (!claim) return (await own.record(phase))!;
      log.push(phase.id);
      await sleep(10);
      const record = await own.finish(phase, { finishedAt: '', seconds: 1, peakBytes: 0, summary: {} });
      await claim.release();
      return record;
    },
  };
}

describe('beside other processes on the same store', () => {
  const branches = study.phases.filter(({ kind }) => kind === 'branch');
  /** A study of which all is done that comes before its branches. */
  const openBegun = async (): Promise<Store> => {
    for (const phase of study.phases) {
      if (/^(branch|finetune|evaluate|report)/.test(phase.kind)) continue;
      await store.finish(phase, { finishedAt: '', seconds: 1, peakBytes: 0, summary: {} });
    }
    return openStore(directory);
  };

  it('does first what nobody is at, and does not begin what another has finished meanwhile', async () => {
    const other = await openBegun();
    const [theirs, ours] = branches as [Phase, Phase];
    const claim = (await other.claim(theirs))!;
    const log: string[] = [];
    const events: StudyEvent[] = [];
    const records = await run(claimingRunner(store, log), {
      concurrency: 1,
      estimate: ({ id }) => (id === theirs.id ? 1000 : 1),
      async onEvent(event) {
        events.push(event);
        if (event.type !== 'phase-finished' || event.phase.id !== ours.id) return;
        await other.finish(theirs, { finishedAt: '', seconds: 1, peakBytes: 0, summary: { by: 'the other' } });
        await claim.release();
      },
    });
    expect(log[0]).toBe(ours.id);
    expect(log).not.toContain(theirs.id);
    expect(records.get(theirs.id)!.summary).toEqual({ by: 'the other' });
    expect(records.size).toBe(study.phases.length);
    expect(events.filter(({ type }) => type === 'phase-failed')).toEqual([]);
  });

  it('takes over what a lost process was at, once there is nothing else to do', async () => {
    await openBegun();
    const [lost] = branches as [Phase];
    const claims = join(directory, 'claims', `${lost.kind}-${lost.hash}`);
    await mkdir(claims, { recursive: true });
    const holder = { pid: 1, host: 'gone', since: '' };
    await writeFile(join(claims, '000001.json'), JSON.stringify({ holder, beats: 1, at: new Date().toISOString() }));
    vi.stubEnv('STAGED_VLM_CLAIM_SECONDS', '0.5');
    const log: string[] = [];
    await run(claimingRunner(store, log), { estimate: ({ id }) => (id === lost.id ? 1000 : 1) });
    vi.unstubAllEnvs();
    const evaluated = log.indexOf('evaluate/text-model/seed-124');
    expect(log.indexOf(lost.id)).toBeGreaterThan(evaluated);
    expect(log.length).toBe(new Set(log).size);
  });

  const folders = (): Promise<Store> => openStore(directory);
  const { objects } = memoryObjects();
  let machines = 0;
  const bucket = (): Promise<Store> =>
    openObjectStore(objects, () => openLocalCache(join(directory, `cache-${machines++}`), 1e9));
  it.each([
    ['a folder', folders],
    ['a bucket', bucket],
  ])('shares a study in %s between three runs, and does no phase twice', async (_, open) => {
    const log: string[] = [];
    const stores = [await open(), await open(), await open()];
    const all = await Promise.all(
      stores.map((own) =>
        executeStudy(study, { store: own, runner: claimingRunner(own, log), concurrency: 2, estimate: () => 1 }),
      ),
    );
    expect([...log].sort()).toEqual(study.phases.map(({ id }) => id).sort());
    for (const records of all) expect(records.size).toBe(study.phases.length);
  });
});
