import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createMixture, type MixtureSource, type MixtureState } from '@vlm/mixture-sampler';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckpointFiles, nodeFiles } from './checkpoint-files.ts';
import { type CheckpointStore, createCheckpointStore } from './checkpoint-store.ts';
import { jsonLog, type MetricsLog } from './metrics-log.ts';
import { createBatches, type StepBatches } from './packing.ts';
import { beginRun, branchRun, resumeRun } from './run-state.ts';
import { learningRate, type Schedule } from './schedule.ts';
import { arraySource, mapSource, namedSource } from './sources.ts';
import {
  type BigramHooks,
  bigramParams,
  bigramStart,
  bigramStep,
  type Fault,
  VOCABULARY,
} from './testing/bigram-step.ts';
import { type TrainEvent, type TrainOptions, type TrainResult, train, trainSteps } from './train.ts';
import type { OpenSource, SourcedItem, TrainingItem } from './training-item.ts';

const STEPS = 14;
const schedule: Schedule = { kind: 'cosine', lrPeak: 0.2, lrMin: 1e-3, warmupSteps: 3, totalSteps: STEPS };
const run = { run: 'main', schedule, numerics: 'bigram 1' };

const IMAGE = VOCABULARY - 1;
const FEATURES = 3;

/** Documents of two languages (count in ones or in twos), of lengths that never divide a row. */
const documents: TrainingItem[] = Array.from({ length: 23 }, (_, d) => ({
  id: `d${d}`,
  tokens: Int32Array.from({ length: 3 + ((d * 5) % 11) }, (_, i) => (i === 0 ? 0 : (d + i * (1 + (d % 2))) % IMAGE)),
  loss: new Uint8Array(3 + ((d * 5) % 11)).fill(1),
}));
const captions: TrainingItem[] = Array.from({ length: 7 }, (_, c) => ({
  id: `c${c}`,
  tokens: Int32Array.of(0, IMAGE, IMAGE, IMAGE, c, c + 1, c + 2),
  loss: Uint8Array.of(1, 0, 0, 0, 1, 1, 1),
  patches: new Float32Array(3 * FEATURES).fill(c),
}));
const source = (name: string, weight: number, items: TrainingItem[]): MixtureSource<TrainingItem> => ({
  name,
  weight,
  open: mapSource(arraySource(items), async (item) => item, { ahead: 3 }),
  cost: (item) => item.tokens.length,
  whenExhausted: 'repeat',
});
const shape = { batch: 2, length: 9, features: FEATURES, sizes: [0, 2, 18] };
const packing = { ...shape, packing: 'chunks', imageToken: IMAGE, padToken: 1 } as const;
const batches: TrainOptions['batches'] = (state) => {
  const open: OpenSource<SourcedItem> = (at) =>
    createMixture({
      sources: [source('text', 3, documents), source('captions', 1, captions)],
      state: at as MixtureState | undefined,
    });
  return createBatches({ ...packing, open, state });
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'train-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const storeIn = (folder: string, files?: CheckpointFiles): CheckpointStore =>
  createCheckpointStore({ directory: join(directory, folder), params: bigramParams, ...(files ? { files } : {}) });

const options = (more: Partial<TrainOptions> & { hooks?: BigramHooks } = {}): TrainOptions => {
  const { hooks, ...rest } = more;
  return {
    step: bigramStep(hooks),
    run,
    start: (fresh) => beginRun({ ...fresh, params: bigramStart() }),
    batches,
    steps: STEPS,
    ...rest,
  };
};

const bits = ({ state, train: { params, m, v, step } }: TrainResult): unknown => ({
  state,
  step,
  arrays: [params, m, v].map((arrays) => Buffer.from(arrays['table']!.buffer).toString('hex')),
});

/** The rows of the file without the two fields that tell the speed of the machine. */
async function rows(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { tokensPerSecond, waitShare, ...row } = JSON.parse(line);
      expect(tokensPerSecond).toBeGreaterThanOrEqual(0);
      expect(waitShare).toBeGreaterThanOrEqual(0);
      return row;
    });
}

describe('a run', () => {
  it('does exactly the planned updates at the planned rates, and learns', async () => {
    const metricsPath = join(directory, 'metrics.jsonl');
    const result = await train(options({ logs: [jsonLog(metricsPath)] }));
    expect(result.status).toBe('finished');
    expect(result.state).toMatchObject({
      step: STEPS,
      batches: STEPS,
      tokens: STEPS * 18,
      skippedBatches: [],
    });
    expect(result.state.lossTokens).toBeLessThan(STEPS * 18);
    expect(result.train.step).toBe(STEPS);
    const written = await rows(metricsPath);
    expect(written.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
    expect(written.slice(0, 3).map(({ lr }) => lr)).toEqual([0, 1, 2].map((done) => learningRate(schedule, done)));
    expect(new Set(written.map(({ variant }) => variant))).toEqual(new Set(['text', 'patches-2', 'patches-18']));
    expect(written.at(-1)!['loss'] as number).toBeLessThan(0.9 * (written[0]!['loss'] as number));
    expect(written[0]).toMatchObject({ tokens: 18, metrics: { crossEntropy: written[0]!['loss'] } });
  });

  it('tells of its checkpoints, keeps the named ones, and does nothing when run again', async () => {
    const events: TrainEvent[] = [];
    const store = storeIn('main');
    const all = options({
      store,
      checkpointEvery: { steps: 5 },
      namedCheckpoints: { start: 0, 'branch-50': 7, end: STEPS },
      onEvent: (event) => events.push(event),
    });
    const first = await train(all);
    expect(events).toEqual([
      { kind: 'checkpoint', step: 0, name: 'start' },
      { kind: 'checkpoint', step: 5 },
      { kind: 'checkpoint', step: 7, name: 'branch-50' },
      { kind: 'checkpoint', step: 10 },
      { kind: 'checkpoint', step: STEPS, name: 'end' },
    ]);
    expect((await store.open('branch-50')).state.step).toBe(7);
    events.length = 0;
    const again = await train({ ...all, step: bigramStep({ before: () => expect.fail('nothing is left to do') }) });
    expect(bits(again)).toEqual(bits(first));
    expect(events).toEqual([{ kind: 'resumed', step: STEPS, path: join(directory, 'main', 'named-end') }]);
  });

  it('saves by the clock too', async () => {
    let ms = 0;
    const saved: number[] = [];
    await train(
      options({
        store: storeIn('main'),
        checkpointEvery: { seconds: 3 },
        now: () => ms,
        hooks: {
          before: () => {
            ms += 1000;
            return undefined;
          },
        },
        onEvent: (event) => event.kind === 'checkpoint' && saved.push(event.step),
      }),
    );
    expect(saved).toEqual([3, 6, 9, 12, STEPS]);
  });

  it('prepares the next batch while a step runs, and only one', async () => {
    const order: string[] = [];
    let taken = 0;
    const watched = async (state?: unknown): Promise<StepBatches> => {
      const inner = await batches(state);
      const next: StepBatches['next'] = () => {
        order.push(`batch ${taken++}`);
        return inner.next();
      };
      return { ...inner, next };
    };
    await train(
      options({
        steps: 3,
        batches: watched,
        hooks: {
          before: (call) => {
            order.push(`step ${call}`);
            return undefined;
          },
        },
      }),
    );
    expect(order).toEqual(['batch 0', 'batch 1', 'step 0', 'batch 2', 'step 1', 'step 2']);
  });
});

describe('interrupted', () => {
  const untouched = async (): Promise<{ result: TrainResult; rows: Record<string, unknown>[] }> => {
    const metricsPath = join(directory, 'untouched.jsonl');
    return { result: await train(options({ logs: [jsonLog(metricsPath)] })), rows: await rows(metricsPath) };
  };

  it('by an abort: the step is finished, a checkpoint written, and the rest gives the same bits', async () => {
    const expected = await untouched();
    const metricsPath = join(directory, 'metrics.jsonl');
    for (let stop = 1; ; stop++) {
      const abort = new AbortController();
      const onStep: TrainOptions['onStep'] = ({ step }) => step === stop * 3 && abort.abort();
      const result = await train(
        options({ store: storeIn('main'), logs: [jsonLog(metricsPath)], signal: abort.signal, onStep }),
      );
      if (result.status === 'finished') {
        expect(stop).toBe(5);
        expect(bits(result)).toEqual(bits(expected.result));
        break;
      }
      expect(result.state.step).toBe(stop * 3);
      expect((await storeIn('main').latest())!.state.step).toBe(stop * 3);
    }
    expect(await rows(metricsPath)).toEqual(expected.rows);
  });

  it('killed at random moments, in a step, in the data or in any file operation, it ends with the same bits and the same metrics', async () => {
    const expected = await untouched();
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ where: fc.constantFrom('step', 'data', 'file'), after: fc.integer({ min: 1, max: 30 }) }),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        fc.integer({ min: 1, max: 4 }),
        async (kills, every) => {
          const folder = `run-${n++}`;
          const metricsPath = join(directory, `${folder}.jsonl`);
          const attempt = (kill?: { where: string; after: number }): Promise<TrainResult> => {
            const mortal = mortalParts(kill);
            return train(
              options({
                hooks: { before: () => mortal.live('step') },
                batches: mortal.batches,
                store: storeIn(folder, mortal.files),
                checkpointEvery: { steps: every },
                namedCheckpoints: { 'branch-50': 7 },
                logs: [jsonLog(metricsPath)],
              }),
            );
          };
          for (const kill of kills) await attempt(kill).catch((error) => expect(String(error)).toContain('killed'));
          const result = await attempt();
          expect(bits(result)).toEqual(bits(expected.result));
          expect(await rows(metricsPath)).toEqual(expected.rows);
          expect((await storeIn(folder).open('branch-50')).state.step).toBe(7);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('with the newest checkpoint damaged and a metrics row half written', async () => {
    const expected = await untouched();
    const metricsPath = join(directory, 'metrics.jsonl');
    const all = { store: storeIn('main'), checkpointEvery: { steps: 2 }, logs: [jsonLog(metricsPath)] };
    const killed = options({
      ...all,
      hooks: { before: (call) => (call === 9 ? Promise.reject(new Error('killed')) : undefined) },
    });
    await expect(train(killed)).rejects.toThrow('killed');
    await writeFile(join(directory, 'main', 'step-000000008', 'weights.safetensors'), 'rubbish');
    await writeFile(metricsPath, `${await readFile(metricsPath, 'utf8')}{"step":10,"lo`);
    const events: TrainEvent[] = [];
    const result = await train(options({ ...all, onEvent: (event) => events.push(event) }));
    expect(events.slice(0, 2)).toMatchObject([
      { kind: 'broken-checkpoint', problem: { code: 'checkpoint-broken' } },
      { kind: 'resumed', step: 6 },
    ]);
    expect(bits(result)).toEqual(bits(expected.result));
    expect(await rows(metricsPath)).toEqual(expected.rows);
  });

  it('cut in two parts with stores of their own, it is the same run', async () => {
    const expected = await untouched();
    await train(options({ store: storeIn('first'), steps: 6 }));
    const first = (await storeIn('first').latest())!;
    const second = await train(options({ store: storeIn('second'), start: () => resumeRun(first) }));
    expect(bits(second)).toEqual(bits(expected.result));
  });

  /** Counts what happens in one part of a run; at the n-th thing it is dead, and so is everything after. */
  function mortalParts(kill?: { where: string; after: number }) {
    let left = kill?.after ?? Number.POSITIVE_INFINITY;
    const live = (where: string): undefined => {
      if (left <= 0 || (where === kill?.where && --left <= 0)) throw new Error('killed');
    };
    const files = Object.fromEntries(
      Object.entries(nodeFiles).map(([key, operation]) => [
        key,
        async (...args: never[]) => {
          live('file');
          return (operation as (...a: never[]) => unknown)(...args);
        },
      ]),
    ) as unknown as CheckpointFiles;
    const mortalBatches = async (state?: unknown): Promise<StepBatches> => {
      const inner = await batches(state);
      const next: StepBatches['next'] = async () => {
        live('data');
        return inner.next();
      };
      return { ...inner, next };
    };
    return { live, files, batches: mortalBatches };
  }
});

describe('branches', () => {
  it('start from a named checkpoint at the main rate, with moments carried or reset', async () => {
    const store = storeIn('main');
    await train(options({ store, namedCheckpoints: { half: 7 } }));
    const half = await store.open('half');
    const continued: Schedule = { kind: 'continued', from: schedule, atStep: 7, lrMin: 1e-3, totalSteps: 4 };
    const lrs: Record<string, number> = {};
    const finals: Record<string, unknown> = {};
    for (const moments of ['carry', 'reset'] as const) {
      const result = await train(
        options({
          run: { ...run, run: moments, schedule: continued },
          start: (fresh) => branchRun(half, { ...fresh, moments }),
          steps: 4,
          store: storeIn(moments),
          onStep: ({ step, lr }) => {
            lrs[`${moments} ${step}`] = lr;
          },
        }),
      );
      expect(result.state.parent).toMatchObject({ how: 'branch', run: 'main', step: 7, checksum: half.checksum });
      expect(result.train.step).toBe(moments === 'carry' ? 11 : 4);
      finals[moments] = bits(result);
    }
    const mainRates: number[] = [];
    await train(options({ onStep: ({ lr }) => mainRates.push(lr) }));
    expect([lrs['carry 1'], lrs['reset 1']]).toEqual([mainRates[7], mainRates[7]]);
    expect(finals['carry']).not.toEqual(finals['reset']);
  });
});

describe('guards', () => {
  const poison = (poisoned: Int32Array, fault: Fault = { loss: Number.NaN }): BigramHooks => ({
    before: (_, tokens_BT) => (tokens_BT.join() === poisoned.join() ? fault : undefined),
  });
  const batchNumber = async (n: number): Promise<Int32Array> => {
    const stream = await batches();
    for (let i = 0; i < n; i++) await stream.next();
    return (await stream.next()).value!.inputs['tokens_BT'] as Int32Array;
  };

  it('a loss that is not finite stops the run, the last checkpoint stays good', async () => {
    const store = storeIn('main');
    const hooks = poison(await batchNumber(8));
    const bad = options({ store, checkpointEvery: { steps: 4 }, hooks });
    await expect(train(bad)).rejects.toMatchObject({
      code: 'not-finite',
      message: expect.stringMatching(
        /batch 8 at step 8 gave loss NaN .*last checkpoint, of step 8, is untouched: lower lrPeak/,
      ),
    });
    expect((await store.latest())!.train.params['table']!.every(Number.isFinite)).toBe(true);
  });

  it('or leaves the batch out and says so; interrupted or not, the bits are the same', async () => {
    const hooks = poison(await batchNumber(6));
    const metricsPath = join(directory, 'metrics.jsonl');
    const events: TrainEvent[] = [];
    const whole = await train(
      options({
        hooks,
        notFinite: { skip: 1 },
        store: storeIn('a'),
        checkpointEvery: { steps: 4 },
        logs: [jsonLog(metricsPath)],
        onEvent: (e) => events.push(e),
      }),
    );
    expect(whole.state).toMatchObject({ step: STEPS, batches: STEPS + 1, skippedBatches: [6], tokens: STEPS * 18 });
    expect(events).toContainEqual({ kind: 'skipped-batch', batch: 6, step: 6, backToStep: 4 });
    expect((await rows(metricsPath)).map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));

    for (const stop of [2, 5, 6, 9]) {
      const abort = new AbortController();
      const all = { hooks, notFinite: { skip: 1 }, store: storeIn(`b${stop}`) } as const;
      await train(options({ ...all, signal: abort.signal, onStep: ({ step }) => step === stop && abort.abort() }));
      expect(bits(await train(options(all)))).toEqual(bits(whole));
    }
  });

  it('where the engine left the weights alone there is no need to go back, and the bits are the same', async () => {
    const poisoned = await batchNumber(6);
    const spoilt = await train(options({ hooks: poison(poisoned), notFinite: { skip: 1 } }));
    const events: TrainEvent[] = [];
    const hooks = poison(poisoned, { gradNorm: Number.POSITIVE_INFINITY });
    const untouched = await train(options({ hooks, notFinite: { skip: 1 }, onEvent: (event) => events.push(event) }));
    expect(events).toEqual([{ kind: 'skipped-batch', batch: 6, step: 6, backToStep: 6 }]);
    expect(bits(untouched)).toEqual(bits(spoilt));
  });

  it('but not more often than allowed', async () => {
    const before = (call: number): Fault => (call >= 5 ? { loss: Number.POSITIVE_INFINITY } : undefined);
    await expect(train(options({ hooks: { before }, notFinite: { skip: 2 } }))).rejects.toThrow(
      /2 batches were left out already, the most allowed/,
    );
  });

  it('batches without a target that carries loss are refused', async () => {
    const mute = Array.from({ length: 200 }, () => ({ ...documents[0]!, loss: new Uint8Array(3) }));
    const silent: TrainOptions['batches'] = () =>
      createBatches({ ...packing, open: namedSource('text', arraySource(mute)) });
    await expect(train(options({ batches: silent }))).rejects.toThrow(
      /8 batches in a row carry no target with loss; do the items' loss flags/,
    );
    await expect(train(options({ batches: silent, steps: 2 }))).rejects.toMatchObject({ code: 'no-loss-tokens' });
  });

  it('data that ends early is an error, not a shorter run', async () => {
    const short: TrainOptions['batches'] = () =>
      createBatches({ ...packing, open: namedSource('text', arraySource(documents)) });
    await expect(train(options({ batches: short, steps: 1000 }))).rejects.toThrow(
      /expected data for 1000 steps, got it for \d+; repeat a source, or plan fewer/,
    );
  });

  it('a failure of the data is reported, also when it was prepared ahead', async () => {
    const failing = async (state?: unknown): Promise<StepBatches> => {
      const inner = await batches(state);
      let calls = 0;
      return { ...inner, next: () => (++calls === 3 ? Promise.reject(new Error('shard vanished')) : inner.next()) };
    };
    await expect(train(options({ batches: failing }))).rejects.toThrow('shard vanished');
  });

  it('a checkpoint of another run, schedule or engine is not resumed', async () => {
    const store = storeIn('main');
    await train(options({ store, steps: 5 }));
    const other = (changed: object, more: Partial<TrainOptions> = {}) =>
      train(options({ store, run: { ...run, ...changed }, ...more }));
    await expect(other({ run: 'x' })).rejects.toThrow(/expected run "x", got "main" in .*branch from it/);
    await expect(other({ numerics: 'bigram 2' })).rejects.toMatchObject({ code: 'settings-changed' });
    await expect(other({ schedule: { ...schedule, lrPeak: 1 } })).rejects.toThrow(/expected schedule .*"lrPeak":1,/);
    await expect(other({}, { steps: 4 })).rejects.toThrow(/a start at step 4 at most, got step 5/);
    expect((await other({ schedule: Object.fromEntries(Object.entries(schedule).reverse()) })).status).toBe('finished');
  });

  it.each([
    [{ steps: 1.5 }, /steps to be an integer of at least 0, got 1.5/],
    [
      { checkpointEvery: { step: 5 } as never },
      /checkpointEvery to be an object of steps, seconds, got the field "step"/,
    ],
    [{ checkpointEvery: { seconds: Number.NaN } }, /checkpointEvery.seconds to be a number .* got NaN/],
    [{ checkpointEvery: { seconds: '1' as never } }, /checkpointEvery.seconds to be a number .* got 1/],
    [{ notFinite: 'skip' as never }, /notFinite, unless 'stop', to be an object of skip, got "skip"/],
    [{ notFinite: { skip: Number.NaN } }, /notFinite.skip to be a number .* got NaN/],
    [{ lossSpike: { window: 15 } }, /window to be an integer of at least 16, got 15/],
    [{ lossSpike: { deviations: Number.NaN } }, /deviations to be a number .* got NaN/],
    [{ lossSpike: { sigmas: 3 } as never }, /the rule to be an object of window, deviations, got the field "sigmas"/],
    [{ maxBatchesWithoutLoss: Number.NaN }, /maxBatchesWithoutLoss to be a number .* got NaN/],
    [{ checkpointEvery: { steps: 0 } }, /checkpointEvery.steps to be an integer of at least 1, got 0/],
    [{ namedCheckpoints: { late: 15 } }, /checkpoint "late" within the 14 steps, got step 15/],
    [{ namedCheckpoints: { 'half way': 7 } }, /a name of .* letters, digits, .*, got "half way"/],
    [{ namedCheckpoints: { [`a${'b'.repeat(100)}`]: 7 } }, /a name of at most 100 letters/],
    [{ checkpointEvery: { steps: 1 } }, /there is no store/],
  ])('options that make no sense, before anything is opened: %j', async (bad, message) => {
    const start = (): never => expect.unreachable('the run was started');
    await expect(train({ ...options(bad), start })).rejects.toThrow(message);
  });

  it('a full disk ends the run with an error that says so', async () => {
    const full: CheckpointFiles = {
      ...nodeFiles,
      write: () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })),
    };
    await expect(train(options({ store: storeIn('main', full) }))).rejects.toMatchObject({ code: 'no-space' });
  });
});

describe('steps as an iterator', () => {
  it('yields every row and ends with the result that train gives', async () => {
    const steps = trainSteps(options());
    const seen: number[] = [];
    let next = await steps.next();
    for (; !next.done; next = await steps.next()) seen.push(next.value.step);
    expect(seen).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
    expect(bits(next.value)).toEqual(bits(await train(options())));
  });

  it('left early, by break or by an error, it saves, and a later loop ends with the same bits', async () => {
    const store = storeIn('main');
    for await (const { step } of trainSteps(options({ store }))) if (step === 4) break;
    expect((await store.latest())?.state.step).toBe(4);
    const failing = async (): Promise<void> => {
      for await (const { step } of trainSteps(options({ store }))) if (step === 9) throw new Error('mine');
    };
    await expect(failing()).rejects.toThrow('mine');
    expect((await store.latest())?.state.step).toBe(9);
    expect(bits(await train(options({ store })))).toEqual(bits(await train(options())));
  });
});

it('the start is held no longer than it may be gone back to', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const isHeld = async (notFinite: TrainOptions['notFinite']): Promise<boolean> => {
    let start: WeakRef<Float32Array> | undefined;
    const begin: TrainOptions['start'] = (fresh) => {
      const begun = beginRun({ ...fresh, params: bigramStart() });
      start = new WeakRef(begun.train.params['table']!);
      return begun;
    };
    for await (const { step } of trainSteps(options({ start: begin, notFinite: notFinite! }))) {
      if (step < 5) continue;
      await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds its target to the end of the turn that made it
      collectGarbage();
      break;
    }
    return start!.deref() !== undefined;
  };
  expect([await isHeld('stop'), await isHeld({ skip: 1 })]).toEqual([false, true]);
});

it('a log that cannot be opened leaves none of the others open', async () => {
  const closed: string[] = [];
  const log: MetricsLog = { write() {}, sync() {}, cut() {}, close: () => void closed.push('first') };
  const broken = () => {
    throw new Error('no such place');
  };
  await expect(train(options({ logs: [() => log, broken] }))).rejects.toThrow('no such place');
  expect(closed).toEqual(['first']);
});

it('a loss far above the others is reported and changes nothing', async () => {
  const events: TrainEvent[] = [];
  const spiky = bigramStep();
  let calls = 0;
  const step = {
    ...spiky,
    run: async (...args: Parameters<typeof spiky.run>) => {
      const result = await spiky.run(...args);
      calls++;
      return { ...result, loss: calls === 38 ? 50 : result.loss };
    },
  };
  const long = { ...run, schedule: { ...schedule, totalSteps: 40 } };
  await train(options({ step, run: long, steps: 40, onEvent: (event) => events.push(event) }));
  expect(events).toEqual([{ kind: 'loss-spike', step: 38, loss: 50, typical: expect.any(Number) }]);
});
