/** What a run trains is a setting of the run: a branch may thaw the encoder, and change mix and schedule with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxEngine, type TrainStep } from '@vlm/jit';
import {
  initParameters,
  type PartSettings,
  parameterGroups,
  type VlmConfig,
  vlmBatch,
  vlmConfig,
  vlmLoss,
  vlmParams,
} from '@vlm/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CheckpointStore, createCheckpointStore } from './checkpoint-store.ts';
import type { MetricsRow } from './metrics-log.ts';
import type { StepBatch } from './packing.ts';
import { beginRun, branchRun } from './run-state.ts';
import { learningRate, type Schedule } from './schedule.ts';
import { type TrainOptions, type TrainResult, train } from './train.ts';

const LENGTH = 8;
const BATCH = 2;
const SIDE = 8;
const config: VlmConfig = vlmConfig({
  decoder: { dim: 16, layers: 1, heads: 2, vocabSize: 12, sequenceLength: LENGTH },
  encoder: { kind: 'vit', imageSize: SIDE, patchSize: 4, dim: 8, heads: 2, layers: 1 },
  projector: { kind: 'linear', featureWidth: 8 },
});
const params = vlmParams(config);
const schedule: Schedule = { kind: 'constant', lrPeak: 0.02, warmupSteps: 2 };

type Trains = Partial<Record<'encoder' | 'projector' | 'decoder', PartSettings>>;

/** A picture of one grey in four patches, then the number of that grey; what is told of it is in the picture alone. */
function picture(n: number): StepBatch {
  const images = new Float32Array(BATCH * SIDE * SIDE * 3);
  const tokens_BT = new Int32Array(BATCH * LENGTH).fill(1);
  const targets_BT = new Int32Array(BATCH * LENGTH);
  const weights_BT = new Float32Array(BATCH * LENGTH);
  const slots_BT = new Int32Array(BATCH * LENGTH);
  for (let b = 0; b < BATCH; b++) {
    const grey = (n * 3 + b * 5) % 4;
    for (let i = 0; i < SIDE * SIDE * 3; i++) images[b * SIDE * SIDE * 3 + i] = Math.sin(i * (grey + 1));
    for (let p = 0; p < 4; p++) slots_BT[b * LENGTH + p] = b * 4 + p + 1;
    targets_BT[b * LENGTH + 5] = 4 + grey;
    weights_BT[b * LENGTH + 5] = 1;
  }
  const inputs = { tokens_BT, targets_BT, weights_BT, slots_BT, images_MSS3: images };
  return { variant: 'pictures', inputs, tokens: BATCH * LENGTH, lossTokens: BATCH };
}

/** Counting in ones or twos. */
function text(n: number): StepBatch {
  const id = (b: number, t: number): number => 2 + ((n + b + t * (1 + b)) % 10);
  const cells = Array.from({ length: BATCH * LENGTH }, (_, i) => [Math.floor(i / LENGTH), i % LENGTH] as const);
  const inputs = {
    tokens_BT: Int32Array.from(cells, ([b, t]) => id(b, t)),
    targets_BT: Int32Array.from(cells, ([b, t]) => id(b, t + 1)),
    weights_BT: new Float32Array(cells.length).fill(1),
  };
  return { variant: 'text', inputs, tokens: cells.length, lossTokens: cells.length };
}

/** Every `every`-th batch shows pictures. */
const mix =
  (every: number): TrainOptions['batches'] =>
  (state) => {
    let n = (state as number | undefined) ?? 0;
    return {
      next: async () => {
        const value = n % every === 0 ? picture(n) : text(n);
        n++;
        return { done: false, value };
      },
      state: () => n,
    };
  };

const compile = (trains: Trains): Promise<TrainStep> => {
  const { frozen, optimizer, groups } = parameterGroups(params, trains);
  const partOf = new Map(groups.flatMap(({ part, names }) => names.map((name) => [name, part] as const)));
  return onnxEngine({ threads: 1, worker: false }).compileTrainStep({
    params,
    frozen,
    variants: {
      text: vlmBatch(config, { batch: BATCH, patches: 0 }),
      pictures: vlmBatch(config, { batch: BATCH, patches: 0, images: BATCH }),
    },
    loss: vlmLoss(config),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, ...optimizer },
    groupOf: (name) => partOf.get(name)!,
  });
};

let directory: string;
let main: TrainResult;
const mainRows: MetricsRow[] = [];
const steps = new Map<string, TrainStep>();
const frozenEncoder: Trains = { encoder: { trains: false } };
const thawed: Trains = { encoder: { learningRateScale: 0.1, decay: 'none' }, projector: { decay: 'matrices' } };
const store = (name: string): CheckpointStore => createCheckpointStore({ directory: join(directory, name), params });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trained-'));
  steps.set('frozen', await compile(frozenEncoder));
  steps.set('thawed', await compile(thawed));
  main = await train({
    step: steps.get('frozen')!,
    run: { run: 'main', schedule, numerics: 'test', trains: frozenEncoder },
    start: (run) => beginRun({ ...run, params: initParameters(params, 1) }),
    batches: mix(3),
    steps: 9,
    store: store('main'),
    namedCheckpoints: { branch: 9 },
    onStep: (row) => mainRows.push(row),
  });
});
afterAll(async () => {
  for (const step of steps.values()) await step.dispose();
  await rm(directory, { recursive: true, force: true });
});

const encoderOf = (of: Record<string, Float32Array>): [string, Float32Array][] =>
  Object.entries(of).filter(([name]) => name.startsWith('encoder.'));
const branchSchedule: Schedule = {
  kind: 'continued',
  from: schedule,
  atStep: 9,
  lrMin: 1e-3,
  totalSteps: 40,
  decayPower: 1,
};
const branchOptions = async (name: string, moments: 'carry' | 'reset'): Promise<TrainOptions> => {
  const parent = await store('main').open('branch');
  return {
    step: steps.get('thawed')!,
    run: { run: name, schedule: branchSchedule, numerics: 'test', trains: thawed },
    start: (run) => branchRun(parent, { ...run, moments }),
    batches: mix(1),
    steps: 40,
    store: store(name),
    checkpointEvery: { steps: 7 },
  };
};

it('a frozen encoder keeps its bits and has no norm; the rest learns', () => {
  const start = initParameters(params, 1);
  expect(encoderOf(main.train.params).length).toBeGreaterThan(5);
  for (const [name, values] of encoderOf(main.train.params)) expect(values, name).toEqual(start[name]);
  for (const { groupNorms, gradNorm } of mainRows) {
    expect(Object.keys(groupNorms!).sort()).toEqual(['decoder', 'projector']);
    expect(Math.hypot(...Object.values(groupNorms!))).toBeCloseTo(gradNorm, 5);
  }
  expect(
    mainRows.filter(({ variant }) => variant === 'text').map(({ groupNorms }) => groupNorms!['projector']),
  ).toEqual(new Array(6).fill(0));
});

it.each(['carry', 'reset'] as const)(
  'a branch with moments %s thaws the encoder, changes mix and schedule, and records what its parent trained',
  async (moments) => {
    const rows: MetricsRow[] = [];
    const branch = await train({ ...(await branchOptions(moments, moments)), onStep: (row) => rows.push(row) });
    expect(branch.state).toMatchObject({
      trains: thawed,
      schedule: branchSchedule,
      parent: { run: 'main', step: 9, trains: frozenEncoder, added: [] },
    });
    expect(rows[0]!.lr).toBe(learningRate(schedule, 9));
    expect(new Set(rows.map(({ variant }) => variant))).toEqual(new Set(['pictures']));
    for (const { groupNorms } of rows) expect(groupNorms!['encoder']).toBeGreaterThan(0);
    const changed = encoderOf(branch.train.params).filter(([name, values]) =>
      values.some((x, i) => x !== main.train.params[name]![i]),
    );
    expect(changed.map(([name]) => name)).toEqual(encoderOf(params as never).map(([name]) => name));
    expect(rows.at(-1)!.loss).toBeLessThan(0.5 * rows[0]!.loss);
  },
);

it('interrupted, the branch that trains its encoder ends with the same bits', async () => {
  const expected = await train(await branchOptions('untouched', 'carry'));
  const abort = new AbortController();
  const options = await branchOptions('interrupted', 'carry');
  await train({ ...options, signal: abort.signal, onStep: ({ step }) => step === 11 && abort.abort() });
  const got = await train(options);
  expect(got.train).toEqual(expected.train);
});

it('what is trained does not change within a run', async () => {
  const options = await branchOptions('main', 'carry');
  const run = { run: 'main', schedule, numerics: 'test', trains: thawed };
  await expect(train({ ...options, run })).rejects.toThrow(
    /expected trains {"encoder":{"decay":"none".*branch from it/,
  );
});
