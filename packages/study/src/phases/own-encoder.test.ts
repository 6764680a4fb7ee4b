/** An encoder trained with its decoder: the arms of the sweep `frozen`, from the branch to the report. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvalRow } from '@vlm/evals';
import { vlmParams } from '@vlm/model';
import { createCheckpointStore } from '@vlm/trainer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFeatures } from '../data/features.ts';
import { ownFeatures } from '../data/own-features.ts';
import { executeStudy } from '../execute-study.ts';
import type { PhaseRunner } from '../executor.ts';
import { expandStudy, type Phase, phasesOfArm, type Study } from '../graph.ts';
import { visionModelConfig } from '../model-config.ts';
import { openTrainedModel } from '../open-trained-model.ts';
import { parseRecipe } from '../parse-recipe.ts';
import { planStudy } from '../plan.ts';
import { presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import { runPhase } from '../run-phase.ts';
import { openStore, type Store } from '../store.ts';
import { withSweepArms } from '../sweeps/index.ts';
import { redPng } from '../testing/tiny-corpus.ts';
import { readRows, runEvaluate } from './evaluate.ts';
import { finalName } from './main.ts';
import { openOwnEncoder, readOwnEncoder, type TrainableEncoder } from './own-encoder.ts';
import { loadTokenizer } from './tokenizer.ts';

const smoke = presets['smoke']!;
const recipe: Recipe = parseRecipe({
  ...smoke,
  name: 'thawed',
  branch: { ...smoke.branch, tokens: 4096, encoderLrScale: 0.5 },
  arms: [{ id: 'branch-80', branchPoint: 0.8, schedule: 'continued' }],
  sweeps: ['frozen'],
});
const arms = ['encoder-frozen', 'encoder-trained-2', 'encoder-trained-3', 'encoder-trained-2-3'] as const;

let folder: string;
let store: Store;
let study: Study;
let encoder: TrainableEncoder;
let vocabSize: number;
const phasesOf = (arm: string) => phasesOfArm(study, `${arm}/seed-124`)!;
const folderOf = (phase: Phase): string => store.phaseDirectory(phase);
const named = (id: string): Phase => study.phases.find((phase) => phase.id === id)!;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-encoder-'));
  study = expandStudy(recipe);
  store = await openStore(join(folder, 'store'));
  const runner: PhaseRunner = { run: (phase, of, hooks) => runPhase(phase, of, store, hooks) };
  await executeStudy(study, { store, runner, concurrency: 1, estimate: () => 1 });
  encoder = await readOwnEncoder(folderOf(named('encoder')));
  vocabSize = (await loadTokenizer(folderOf(named('tokenizer')))).vocabSize;
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const config = (hasEncoder: boolean) =>
  visionModelConfig(smoke, vocabSize, 16, hasEncoder ? encoder.config : undefined);
const checkpointOf = (directory: string, hasEncoder: boolean) =>
  createCheckpointStore({ directory: join(directory, 'checkpoints'), params: vlmParams(config(hasEncoder)) });
const weightsOf = async (phase: Phase): Promise<Record<string, Float32Array>> => {
  const hasEncoder = phase.settings['ownEncoder'] !== undefined;
  return (await checkpointOf(folderOf(phase), hasEncoder).open(finalName)).train.params;
};
const encoderOf = (params: Record<string, Float32Array>): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(params).filter(([name]) => name.startsWith('encoder.')));
const metricsOf = async (phase: Phase) =>
  (await readFile(join(folderOf(phase), 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { loss: number; tokens: number; lossTokens: number; groupNorms?: object });

describe('the arms', () => {
  it('share with the usual arm what they do not thaw', () => {
    expect(phasesOf('encoder-frozen').evaluate.id).toBe(phasesOf('branch-80').evaluate.id);
    expect(phasesOf('encoder-trained-3').branch.id).toBe(phasesOf('branch-80').branch.id);
    expect(phasesOf('encoder-trained-2').branch.id).toBe(phasesOf('encoder-trained-2-3').branch.id);
    const branches = new Set(study.recipe.arms.map(({ id }) => phasesOf(id).branch.id));
    expect(branches.size).toBe(3);
    expect(new Set(study.recipe.arms.map(({ id }) => phasesOf(id).finetune.id)).size).toBe(5);
  });

  it('begin alike: the loss of the first step is that of the frozen arm, on the same batches to the end', async () => {
    const frozen = await metricsOf(phasesOf('encoder-frozen').branch);
    const trained = await metricsOf(phasesOf('encoder-trained-2').branch);
    expect(trained[0]!.loss).toBeCloseTo(frozen[0]!.loss, 4);
    expect(trained.at(-1)!.loss).not.toBe(frozen.at(-1)!.loss);
    const batches = (rows: typeof frozen) => rows.map(({ tokens, lossTokens }) => [tokens, lossTokens]);
    expect(batches(trained)).toEqual(batches(frozen));
    expect(trained.map(({ groupNorms }) => Object.keys(groupNorms!).sort())[0]).toEqual([
      'decoder',
      'encoder',
      'projector',
    ]);
  });

  it('train the encoder in the phases that they say, and in no other', async () => {
    const moved = (a: Record<string, Float32Array>, b: Record<string, Float32Array>): boolean =>
      Object.entries(a).some(([name, values]) => values.some((value, i) => value !== b[name]![i]));
    for (const arm of arms) {
      const { branch, finetune } = phasesOf(arm);
      const [inBranch, inFinetune] = [arm.includes('-2'), arm.endsWith('-3')];
      const before = inBranch ? encoderOf(await weightsOf(branch)) : encoder.params;
      expect(Object.keys(before), arm).toEqual(Object.keys(encoder.params));
      expect(moved(before, encoder.params), arm).toBe(inBranch);
      const after = encoderOf(await weightsOf(finetune));
      if (!inBranch && !inFinetune) expect(after).toEqual({});
      else expect(moved(after, before), arm).toBe(inFinetune);
    }
    const [fast, slow] = await Promise.all(
      ['encoder-trained-2-3', 'encoder-trained-2-3-slowly'].map(async (arm) => {
        const params = await weightsOf(phasesOf(arm).branch);
        return Object.entries(encoder.params).reduce(
          (sum, [name, values]) => sum + values.reduce((s, value, i) => s + Math.abs(value - params[name]![i]!), 0),
          0,
        );
      }),
    );
    expect(slow! / fast!).toBeLessThan(0.5);
  });

  it('count the encoder in their parameters, as the plan does', async () => {
    const plan = planStudy(study, { concurrency: 1 });
    const planned = (phase: Phase) => plan.phases.find(({ id }) => id === phase.id)!;
    const frozen = phasesOf('encoder-frozen');
    const trained = phasesOf('encoder-trained-2-3');
    const size = Object.values(encoder.params).reduce((sum, values) => sum + values.length, 0);
    const parameters = async (phase: Phase) => (await store.record(phase))!.summary['parameters'] as number;
    expect((await parameters(trained.finetune)) - (await parameters(frozen.finetune))).toBe(size);
    for (const kind of ['branch', 'finetune'] as const) {
      expect(planned(trained[kind]).flops).toBeGreaterThan(planned(frozen[kind]).flops);
      expect(planned(trained[kind]).memoryBytes).toBeGreaterThan(planned(frozen[kind]).memoryBytes);
      expect(planned(trained[kind]).storeBytes - planned(frozen[kind]).storeBytes).toBe(12 * size);
    }
    // Frozen in phase 3, it runs forwards alone.
    const still = planned(phasesOf('encoder-trained-2').finetune).flops;
    expect(still).toBeGreaterThan(planned(frozen.finetune).flops);
    expect(still).toBeLessThan(planned(trained.finetune).flops);
  });
});

describe('its own encoder', () => {
  it('sees what the frozen one saw while its weights are those', async () => {
    const own = await ownFeatures(
      join(folderOf(named('corpus')), 'corpus'),
      await openOwnEncoder(config(true), encoder.params, 1),
    );
    const table = await openFeatures(folderOf(named('features')));
    const rows = await readRows(folderOf(phasesOf('encoder-frozen').evaluate));
    expect(rows.length).toBeGreaterThan(100);
    const { keys } = JSON.parse(await readFile(join(folderOf(named('features')), 'features.json'), 'utf8')) as {
      keys: string[];
    };
    const asked = keys.filter((key) => key.startsWith('eval/'));
    expect(asked.length).toBeGreaterThan(50);
    for (const key of asked) {
      const wanted = table.of(key);
      own.of(key).forEach((value, i) => {
        expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-4);
      });
    }
    table.close();
  });

  it('is what answers are given through: without its weights one picture is as good as another', async () => {
    const { finetune, evaluate } = phasesOf('encoder-trained-2-3');
    const blinded = join(folder, 'blinded');
    await cp(folderOf(finetune), blinded, { recursive: true });
    const checkpoints = checkpointOf(blinded, true);
    const final = await checkpoints.open(finalName);
    for (const values of Object.values(encoderOf(final.train.params))) values.fill(0);
    await checkpoints.save(final, { name: finalName });
    const directory = await mkdtemp(join(folder, 'evaluate-'));
    await runEvaluate({
      phase: evaluate,
      study,
      store,
      directory,
      parent: (role) => (role === 'model' ? blinded : folderOf(named(evaluate.parents[role]!))),
      parentSummary: async () => ({}),
      signal: new AbortController().signal,
      onProgress: () => {},
      onWarning: () => {},
      onCheckpoint: () => {},
    });
    /** How much surer of “yes” or “no” an item's own picture makes than another one, at most, in nats. */
    const sight = (rows: EvalRow[]): number => {
      const margins = (condition: string) =>
        new Map(
          rows.flatMap((row) =>
            row.condition === condition && row.margin !== undefined ? [[row.id, row.margin]] : [],
          ),
        );
      const [own, another] = [margins('image'), margins('wrong-image')];
      expect(own.size).toBeGreaterThan(10);
      return Math.max(...[...own].map(([id, margin]) => Math.abs(margin - another.get(id)!)));
    };
    const whole = await readRows(folderOf(evaluate));
    const blind = await readRows(directory);
    expect(sight(whole)).toBeGreaterThan(1e-3);
    expect(sight(blind)).toBeLessThan(1e-5);
  }, 120_000);

  it('answers in a chat too', async () => {
    const model = await openTrainedModel(study, store, 'encoder-trained-2-3');
    expect(typeof (await model.ask('What is this?', { bytes: redPng, name: 'red' }))).toBe('string');
    await model.dispose();
  });
});

it('stopped and gone on, a branch that trains its encoder ends with the same bits', async () => {
  const { branch } = phasesOf('encoder-trained-2');
  const other = await openStore(join(folder, 'again'));
  for (const id of Object.values(branch.parents)) {
    const parent = named(id);
    await cp(folderOf(parent), other.phaseDirectory(parent), { recursive: true });
  }
  const stop = new AbortController();
  const hooks = { onProgress: () => {}, onWarning: () => {} };
  const stopped = runPhase(branch, study, other, {
    ...hooks,
    signal: stop.signal,
    onProgress: ({ step }) => step !== undefined && step >= 3 && stop.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
  await runPhase(branch, study, other, { ...hooks, signal: new AbortController().signal });
  for (const part of ['weights.safetensors', 'moments.safetensors']) {
    const path = join('checkpoints', `named-${finalName}`, part);
    const [again, straight] = await Promise.all(
      [other.phaseDirectory(branch), folderOf(branch)].map((directory) => readFile(join(directory, path))),
    );
    expect(again!.equals(straight!), part).toBe(true);
  }
}, 60_000);

it('the report says who trained what', async () => {
  const report = await readFile(join(folderOf(named('report')), 'report.md'), 'utf8');
  expect(report).toMatch(/frozen: Should the image encoder learn with the decoder/);
  expect(report).toMatch(/neither is repeated here/);
  expect(report).toMatch(/encoder-trained-2-3-slowly/);
});

describe('recipes', () => {
  const arm = { id: 'a', branchPoint: 0.8, schedule: 'continued' } as const;

  it('say “frozen” or nothing, which is one thing', () => {
    const hashes = (of: Recipe): string[] =>
      expandStudy(of).phases.flatMap(({ kind, hash }) => (kind === 'report' ? [] : [hash]));
    const said: Recipe = {
      ...smoke,
      branch: { ...smoke.branch, encoder: 'frozen', encoderLrScale: 0.1 },
      finetune: { ...smoke.finetune, encoder: 'frozen' },
    };
    expect(hashes(said)).toEqual(hashes(smoke));
    expect(hashes({ ...smoke, finetune: { ...smoke.finetune, encoder: 'trained' } })).not.toEqual(hashes(smoke));
  });

  it.each([
    ['hub', { folder: 'siglip' }, /branch\.encoder: only an encoder of kind "cnn".*holds no gradients/],
    ['bare-patches', {}, /learn nothing/],
  ])('cannot train an encoder of kind %s', (kind, more, message) => {
    const own = { ...smoke.encoder, kind, ...more };
    expect(() => parseRecipe({ ...smoke, encoder: own, branch: { ...smoke.branch, encoder: 'trained' } })).toThrow(
      message,
    );
    const changed = { ...arm, changes: { finetune: { encoder: 'trained' } } };
    expect(() => parseRecipe({ ...smoke, encoder: own, arms: [changed] })).toThrow(
      /arms\.0\.changes\.finetune\.encoder/,
    );
    expect(() => withSweepArms({ ...smoke, encoder: own as Recipe['encoder'], sweeps: ['frozen'] })).toThrow(
      /cannot be trained; it needs "cnn"/,
    );
  });

  it('refuse what an arm has a field of its own for', () => {
    expect(() => parseRecipe({ ...smoke, arms: [{ ...arm, changes: { branch: { tokens: 1 } } }] })).toThrow(
      /arms\.0\.changes\.branch: unknown key "tokens"/,
    );
  });
});
