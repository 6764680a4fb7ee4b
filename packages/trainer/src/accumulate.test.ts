/** Several batches for one update, and gradient norms by group. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Engine, onnxEngine, tfjsEngine } from '@vlm/jit';
import { initParameters, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { variantSignatures } from './batch.ts';
import { createCheckpointStore } from './checkpoint-store.ts';
import type { MetricsRow } from './metrics-log.ts';
import { createBatches, type Packing } from './packing.ts';
import { beginRun } from './run-state.ts';
import type { Schedule } from './schedule.ts';
import { arraySource, namedSource, repeatSource } from './sources.ts';
import { bigramParams, bigramStart, bigramStep, VOCABULARY } from './testing/bigram-step.ts';
import { type TrainOptions, type TrainResult, train } from './train.ts';
import type { TrainingItem } from './training-item.ts';

const STEPS = 8;
const schedule: Schedule = { kind: 'cosine', lrPeak: 0.02, lrMin: 1e-3, warmupSteps: 2, totalSteps: STEPS };
const LENGTH = 9;

/** Prompts without loss of many lengths: some rows have one target with loss, some none, some all. */
const items: TrainingItem[] = Array.from({ length: 13 }, (_, n) => {
  const tokens = Int32Array.from({ length: 4 + (n % 6) }, (_, i) => 2 + ((n * 3 + i * i) % (VOCABULARY - 2)));
  const prompt = n % 5 === 0 ? tokens.length : n % tokens.length;
  return { id: String(n), tokens, loss: Uint8Array.from(tokens, (_, i) => (i < prompt ? 0 : 1)) };
});
const batches =
  (batch: number, packing: Packing = 'one-item-per-row'): TrainOptions['batches'] =>
  (state) =>
    createBatches({
      batch,
      length: LENGTH,
      features: 0,
      sizes: [0],
      open: namedSource('all', repeatSource(arraySource(items), 100)),
      packing,
      padToken: 1,
      state,
    });

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'accumulate-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('k batches for an update are one large batch', () => {
  const worst = (got: TrainResult, expected: TrainResult): number =>
    Math.max(
      ...Object.entries(expected.train.params).flatMap(([name, values]) =>
        [...values].map((value, i) => Math.abs(got.train.params[name]![i]! - value)),
      ),
    );

  it('in the loop: the same curve, the same counts of tokens', async () => {
    const rows: Record<number, MetricsRow[]> = {};
    const results = [];
    for (const accumulate of [1, 2, 3, 6]) {
      rows[accumulate] = [];
      results.push(
        await train({
          step: bigramStep(),
          run: { run: 'main', schedule, numerics: 'bigram', accumulate },
          start: (run) => beginRun({ ...run, params: bigramStart() }),
          batches: batches(6 / accumulate),
          steps: STEPS,
          onStep: (row) => rows[accumulate]!.push(row),
        }),
      );
    }
    for (const [i, result] of results.entries()) {
      expect(worst(result, results[0]!)).toBeLessThan(1e-5);
      expect(result.state).toMatchObject({ step: STEPS, batches: STEPS, accumulate: [1, 2, 3, 6][i] });
    }
    for (const accumulate of [2, 3, 6]) {
      for (const [i, { loss, gradNorm, tokens, lossTokens }] of rows[accumulate]!.entries()) {
        expect([tokens, lossTokens]).toEqual([rows[1]![i]!.tokens, rows[1]![i]!.lossTokens]);
        expect([loss, gradNorm]).toEqual([
          expect.closeTo(rows[1]![i]!.loss, 4),
          expect.closeTo(rows[1]![i]!.gradNorm, 4),
        ]);
      }
    }
  });

  const engines: [string, () => Engine][] = [
    ['compiled', () => onnxEngine({ threads: 1, worker: false })],
    ['tfjs', () => tfjsEngine({ backend: 'cpu' })],
  ];
  it.each(engines)('with a language model and its z-loss, %s', async (_, open) => {
    const config = vlmConfig({
      decoder: { dim: 8, layers: 1, heads: 2, vocabSize: VOCABULARY, sequenceLength: LENGTH },
      zLoss: 1e-2,
    });
    const params = vlmParams(config);
    const results: TrainResult[] = [];
    const norms: number[] = [];
    for (const accumulate of [1, 3]) {
      const batch = 6 / accumulate;
      const step = await open().compileTrainStep({
        params,
        variants: variantSignatures({ batch, length: LENGTH, features: 0, sizes: [0] }),
        loss: vlmLoss(config),
        // Without Adam's division, which would make differences of rounding into differences of the rate.
        optimizer: { kind: 'sgd', weightDecay: 0.1, clipNorm: 1 },
      });
      results.push(
        await train({
          step,
          run: { run: 'main', schedule, numerics: 'test', accumulate },
          start: (run) => beginRun({ ...run, params: initParameters(params, 1) }),
          batches: batches(batch),
          steps: STEPS,
          onStep: ({ gradNorm }) => norms.push(gradNorm),
        }),
      );
      await step.dispose();
    }
    expect(worst(results[1]!, results[0]!)).toBeLessThan(1e-6);
    for (let i = 0; i < STEPS; i++) expect(norms[STEPS + i]).toBeCloseTo(norms[i]!, 4);
    const start = initParameters(params, 1);
    const moved = Object.entries(start).some(([name, p]) =>
      p.some((x, i) => Math.abs(x - results[0]!.train.params[name]![i]!) > 1e-3),
    );
    expect(moved).toBe(true);
  });
});

describe('a run of several batches for an update', () => {
  const options = (folder: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
    step: bigramStep(),
    run: { run: 'main', schedule, numerics: 'bigram', accumulate: 3 },
    start: (run) => beginRun({ ...run, params: bigramStart() }),
    batches: batches(2, 'chunks'),
    steps: STEPS,
    store: createCheckpointStore({ directory: join(directory, folder), params: bigramParams }),
    ...more,
  });

  it('interrupted after any update it ends with the same bits', async () => {
    const expected = await train(options('untouched'));
    for (let stop = 1; stop < STEPS; stop++) {
      const abort = new AbortController();
      const onStep: TrainOptions['onStep'] = ({ step }) => step === stop && abort.abort();
      const first = await train(options(`stop-${stop}`, { signal: abort.signal, onStep }));
      expect([first.status, first.state.step]).toEqual(['aborted', stop]);
      const second = await train(options(`stop-${stop}`));
      expect(second.state).toEqual(expected.state);
      expect(second.train).toEqual(expected.train);
    }
  });

  it('names every variant that went into an update, once', async () => {
    const rows: MetricsRow[] = [];
    const variants = ['text', 'patches-8', 'text'];
    await train(
      options('variants', {
        batches: async (state) => {
          const inner = await batches(2, 'chunks')(state);
          let n = 0;
          return {
            ...inner,
            next: async () => {
              const result = await inner.next();
              return result.done ? result : { done: false, value: { ...result.value, variant: variants[n++ % 3]! } };
            },
          };
        },
        onStep: (row) => rows.push(row),
      }),
    );
    expect(new Set(rows.map(({ variant }) => variant))).toEqual(new Set(['text+patches-8']));
  });

  it('leaves an update out whose gradient is not finite, and names the group', async () => {
    const bad = { before: (call: number) => (call === 3 ? { gradNorm: Number.NaN } : undefined) };
    await expect(train(options('stop', { step: bigramStep(bad) }))).rejects.toThrow(
      /batch 3 at step 3 gave loss .* and gradient norm NaN \(table NaN\), which are not finite/,
    );
    const result = await train(options('skip', { step: bigramStep(bad), notFinite: { skip: 1 } }));
    expect(result.state).toMatchObject({ step: STEPS, batches: STEPS + 1, skippedBatches: [3] });
  });

  it('does not go on with another number, and refuses one that is no count', async () => {
    await train(options('main', { steps: 2 }));
    const other = { run: 'main', schedule, numerics: 'bigram', accumulate: 2 };
    await expect(train(options('main', { run: other }))).rejects.toThrow(/expected accumulate 2, got 3/);
    await expect(train(options('new', { run: { ...other, accumulate: 0 } }))).rejects.toThrow(
      /accumulate to be an integer of at least 1, got 0/,
    );
  });

  it('counts updates, not batches, where none carries loss', async () => {
    const mute = items.map((item) => ({ ...item, loss: new Uint8Array(item.tokens.length) }));
    const silent: TrainOptions['batches'] = () =>
      createBatches({
        batch: 1,
        length: LENGTH,
        features: 0,
        sizes: [0],
        open: namedSource('all', repeatSource(arraySource(mute), 100)),
        packing: 'one-item-per-row',
        padToken: 1,
      });
    const seen: number[] = [];
    const asked = { batches: silent, maxBatchesWithoutLoss: 3, onStep: ({ step }: MetricsRow) => void seen.push(step) };
    await expect(train(options('mute', asked))).rejects.toThrow(/: 3 updates of 3 batches in a row carry no target/);
    expect(seen).toEqual([1, 2]);
  });

  it('data that ends within an update is an error that says so', async () => {
    const few: TrainOptions['batches'] = (state) =>
      createBatches({
        batch: 1,
        length: LENGTH,
        features: 0,
        sizes: [0],
        open: namedSource('all', arraySource(items)),
        packing: 'one-item-per-row',
        padToken: 1,
        state,
      });
    await expect(train(options('few', { batches: few }))).rejects.toThrow(
      /expected data for 8 updates of 3 batches, got it for 4/,
    );
  });
});
