/** Branches from public checkpoints: the control `from-public`, from folders as the hub has them to the report. */
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DecoderConfig,
  type DecoderOptions,
  decoderConfig,
  decoderParams,
  initParameters,
  readHuggingFace,
  writeHuggingFace,
} from '@vlm/model';
import { createTokenizer, fromHuggingFace } from '@vlm/tokenizer';
import { createCheckpointStore } from '@vlm/trainer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publicVocabulary, resolvePublicCheckpoints } from '../data/public-checkpoint.ts';
import { executeStudy } from '../execute-study.ts';
import type { PhaseRunner } from '../executor.ts';
import { expandStudy, type Phase, phasesOfArm, type Study } from '../graph.ts';
import { studyOfRecipe } from '../handed-over.ts';
import { openTrainedModel } from '../open-trained-model.ts';
import { parseRecipe } from '../parse-recipe.ts';
import { planStudy } from '../plan.ts';
import { loadRecipe, presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import type { StudyResults } from '../report/results.ts';
import { runPhase } from '../run-phase.ts';
import { openStore, type Store } from '../store.ts';
import { addSweeps } from '../sweeps/index.ts';
import { neoxTokenizer } from '../testing/real-formats.ts';

const smoke = presets['smoke']!;
let folder: string;
/** Ids of the tokenizer that both models were published with. */
let ids: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'public-'));
  ids = createTokenizer(fromHuggingFace(JSON.parse(await readFile(neoxTokenizer, 'utf8')))).vocabSize;
  // Pythia pads its vocabulary, by two rows here; the other one has exactly a row for every id, and one table for both ends.
  await publish('half', { ...sizes, family: 'gpt-neox', vocabSize: ids + 2 }, 1);
  await publish('end', { ...sizes, family: 'llama', keyHeads: 1, hidden: 48, vocabSize: ids, tiedHead: true }, 2);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sizes = { dim: 32, layers: 2, heads: 2, sequenceLength: 128 };
async function publish(name: string, options: DecoderOptions, seed: number): Promise<string> {
  const decoder = decoderConfig(options as never) as DecoderConfig;
  const directory = join(folder, name);
  await writeHuggingFace(directory, { decoder, params: initParameters(decoderParams(decoder), seed) });
  await copyFile(neoxTokenizer, join(directory, 'tokenizer.json'));
  return directory;
}
const checkpoint = (name: string, at: number, at_ = join(folder, name)) => ({ name, at, folder: at_ });
const recipe = (checkpoints = [checkpoint('half', 0.5), checkpoint('end', 1)]): Recipe =>
  parseRecipe({
    ...smoke,
    name: 'borrowed',
    // The fixture's tokenizer knows few words, so questions are long.
    model: { ...smoke.model, sequenceLength: 128 },
    branch: { ...smoke.branch, tokens: 4096 },
    arms: [],
    sweeps: ['from-public'],
    public: { checkpoints },
  });

describe('a study from public checkpoints', () => {
  let study: Study;
  let store: Store;
  const named = (id: string): Phase => study.phases.find((phase) => phase.id === id)!;
  const folderOf = (id: string): string => store.phaseDirectory(named(id));
  const weightsOf = async (id: string, decoder: DecoderConfig) => {
    const checkpoints = createCheckpointStore({
      directory: join(folderOf(id), 'checkpoints'),
      params: decoderParams(decoder),
    });
    return checkpoints.open('final');
  };

  beforeAll(async () => {
    study = expandStudy(await resolvePublicCheckpoints(recipe()));
    store = await openStore(join(folder, 'store'));
    const runner: PhaseRunner = { run: (phase, of, hooks) => runPhase(phase, of, store, hooks) };
    await executeStudy(study, { store, runner, concurrency: 1, estimate: () => 1 });
  }, 240_000);

  it('trains no text run of its own', () => {
    const kinds = study.phases.map(({ kind }) => kind);
    expect(kinds).not.toContain('main');
    expect(kinds.filter((kind) => kind === 'checkpoint').length).toBe(2);
    expect(study.phases.filter(({ id }) => /^tokenizer\//.test(id)).map(({ id }) => id)).toEqual(['tokenizer/half']);
    expect(kinds.filter((kind) => kind === 'evaluate').length).toBe(4);
  });

  it.each(['half', 'end'])(
    'takes over the weights of %s as they are, with a row for every special token',
    async (name) => {
      const { decoder, params } = await readHuggingFace(join(folder, name), { sequenceLength: 64 });
      const vocabSize = Math.max(
        decoder.vocabSize,
        (await store.record(named('tokenizer/half')))!.summary['vocabSize'] as number,
      );
      expect(vocabSize).toBeGreaterThan(decoder.vocabSize);
      const { train } = await weightsOf(`checkpoint/${name}`, { ...decoder, vocabSize });
      expect(Object.keys(train.params).sort()).toEqual(Object.keys(params).sort());
      expect(train.m).toEqual({});
      for (const [tensor, values] of Object.entries(params)) {
        const taken = train.params[tensor]!;
        expect(taken.subarray(0, values.length), tensor).toEqual(values);
        if (taken.length === values.length) continue;
        const mean = values.filter((_, i) => i % 32 === 0).reduce((sum, value) => sum + value, 0) / decoder.vocabSize;
        expect(taken.length - values.length).toBe(32 * (vocabSize - decoder.vocabSize));
        expect(taken[values.length]).toBeCloseTo(mean, 6);
      }
    },
  );

  it('branches with moments of zero and a rate that warms up, and says where from', async () => {
    const { branch } = phasesOfArm(study, 'public-half/seed-124')!;
    expect(branch.parents).toMatchObject({ main: 'checkpoint/half', tokenizer: 'tokenizer/half' });
    const state = JSON.parse(
      await readFile(join(store.phaseDirectory(branch), 'checkpoints/named-final/state.json'), 'utf8'),
    ) as { state: { parent: object }; optimizerStep: number };
    const rows = (await readFile(join(store.phaseDirectory(branch), 'metrics.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { lr: number });
    expect(state.state.parent).toMatchObject({ how: 'branch', run: 'checkpoint/half', moments: 'reset' });
    expect(state.optimizerStep).toBe(rows.length);
    expect(rows[0]!.lr).toBeCloseTo(smoke.branch.rewarmPeak / smoke.branch.rewarmSteps, 12);
  });

  it('the report compares the checkpoints, shows them untouched, and answers the question on their line', async () => {
    const text = await readFile(join(folderOf('report'), 'report.md'), 'utf8');
    const results = JSON.parse(await readFile(join(folderOf('report'), 'results.json'), 'utf8')) as StudyResults;
    expect(results.arms.map(({ id }) => id)).toEqual(['public-half', 'public-end', 'untouched-half', 'untouched-end']);
    expect(results.mainCurves).toEqual([]);
    expect(results.comparisons.filter(({ family }) => family === 'headline').map(({ a, b }) => [a, b])[0]).toEqual([
      'public-half',
      'public-end',
    ]);
    expect(text).toMatch(/from-public: Does it hold for a model that somebody else trained\?/);
    expect(text).toMatch(/A text run that somebody else made and published, at 2 of its checkpoints/);
    expect(text).toMatch(/untouched-half/);
    expect(text).toMatch(/Nothing about a schedule that goes on/);
    const scores = await readFile(join(folderOf('report'), 'scores.csv'), 'utf8');
    expect(scores).toMatch(/^untouched-end,/m);
  });

  it('its models answer', async () => {
    const model = await openTrainedModel(study, store, 'public-end');
    expect(typeof (await model.ask('What is this?'))).toBe('string');
    await model.dispose();
  });

  it('is planned from what its recipe says, without the files', async () => {
    const handedOver = studyOfRecipe(JSON.parse(JSON.stringify(study.recipe)));
    expect(handedOver.phases.map(({ hash }) => hash)).toEqual(study.phases.map(({ hash }) => hash));
    const { phases, all } = planStudy(handedOver, { concurrency: 1 });
    const taken = phases.find(({ id }) => id === 'checkpoint/half')!;
    const { params } = await readHuggingFace(join(folder, 'half'));
    const size = Object.values(params).reduce((sum, { length }) => sum + length, 0);
    expect(taken).toMatchObject({ amount: size, unit: 'parameters', flops: 0, a100Hours: 0 });
    const [half, end] = ['half', 'end'].map(
      (name) => phases.find(({ id }) => id === `branch/public-${name}/seed-124`)!,
    );
    expect(half!.amount).toBe(4096);
    expect(half!.flops).not.toBe(end!.flops);
    expect(all.trainingTokens).toBeGreaterThan(2 * 4096);
  });
});

describe('its identity', () => {
  const hashes = async (checkpoints: ReturnType<typeof checkpoint>[]): Promise<Map<string, string>> => {
    const { phases } = expandStudy(await resolvePublicCheckpoints(recipe(checkpoints)));
    return new Map(phases.filter(({ kind }) => kind !== 'report').map(({ id, hash }) => [id, hash]));
  };

  it('is that of the files, wherever they lie', async () => {
    const elsewhere = join(folder, 'elsewhere');
    await cp(join(folder, 'half'), elsewhere, { recursive: true });
    const before = await hashes([checkpoint('half', 0.5), checkpoint('end', 1)]);
    expect(await hashes([checkpoint('half', 0.5, elsewhere), checkpoint('end', 1)])).toEqual(before);

    const { params, ...model } = await readHuggingFace(elsewhere);
    const name = Object.keys(params)[0]!;
    params[name]![7]! += 1e-3;
    await writeHuggingFace(elsewhere, { ...model, params });
    const after = await hashes([checkpoint('half', 0.5, elsewhere), checkpoint('end', 1)]);
    const changed = [...after].filter(([id, hash]) => before.get(id) !== hash).map(([id]) => id);
    expect(changed).toEqual([
      'checkpoint/half',
      'branch/public-half/seed-124',
      'finetune/public-half/seed-124',
      'evaluate/public-half/seed-124',
      'evaluate/untouched-half',
    ]);
  });

  it('stands when the phase runs: files that have changed since are refused', async () => {
    const directory = join(folder, 'changed');
    await cp(join(folder, 'end'), directory, { recursive: true });
    const study = expandStudy(await resolvePublicCheckpoints(recipe([checkpoint('end', 1, directory)])));
    const store = await openStore(join(folder, 'store-of-changed'));
    const run = (id: string) =>
      runPhase(study.phases.find((phase) => phase.id === id)!, study, store, {
        signal: new AbortController().signal,
        onProgress: () => {},
        onWarning: () => {},
      });
    await run('tokenizer/end');
    const config = join(directory, 'config.json');
    await writeFile(config, (await readFile(config, 'utf8')).replace('"hidden_size": 32', '"hidden_size": 64'));
    await expect(run('checkpoint/end')).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/expected files with the SHA-256/),
    });
    await rename(directory, join(folder, 'gone'));
    await expect(run('checkpoint/end')).rejects.toMatchObject({ code: 'missing-here' });
  });
});

describe('refused', () => {
  const resolving = (name: string, at = 1) => resolvePublicCheckpoints(recipe([checkpoint(name, at)]));
  const copyOf = async (name: string, change: (directory: string) => Promise<unknown>): Promise<string> => {
    const directory = await mkdtemp(join(folder, 'copy-'));
    await cp(join(folder, name), directory, { recursive: true });
    await change(directory);
    return directory.slice(folder.length + 1);
  };
  const edit = (file: string, from: string | RegExp, to: string) => async (directory: string) =>
    writeFile(join(directory, file), (await readFile(join(directory, file), 'utf8')).replace(from, to));

  it('a folder that is not there, or not whole', async () => {
    await expect(resolving('nowhere')).rejects.toThrow(/public checkpoint "nowhere".*there is no config\.json/);
    const noTokenizer = await copyOf('half', (directory) => rm(join(directory, 'tokenizer.json')));
    const pickled = await copyOf('half', (directory) =>
      rename(join(directory, 'model.safetensors'), join(directory, 'pytorch_model.bin')),
    );
    for (const [copy, message] of [
      [noTokenizer, /there is no tokenizer\.json/],
      [pickled, /no \*\.safetensors, only pytorch_model\.bin/],
    ] as const) {
      const one = { name: 'copy', at: 1, folder: join(folder, copy) };
      await expect(resolvePublicCheckpoints(recipe([one]))).rejects.toThrow(message);
    }
  });

  it.each([
    [
      'a vocabulary that is larger than the model’s',
      edit('config.json', /"vocab_size": \d+/, '"vocab_size": 300'),
      /tokenizer\.json has \d+ ids, and its embedding 300 rows/,
    ],
    [
      'a vocabulary that is far smaller',
      edit('config.json', /"vocab_size": \d+/, '"vocab_size": 50304'),
      /50304 rows; are both of the same model/,
    ],
    [
      'rows longer than its positions',
      edit('config.json', /"max_position_embeddings": \d+/, '"max_position_embeddings": 32'),
      /positions up to 32, and model\.sequenceLength is 128/,
    ],
    [
      'a model of another kind',
      edit('config.json', '"gpt_neox"', '"mamba"'),
      /model_type: expected one of .*got mamba/,
    ],
    ['a file that is no JSON', edit('tokenizer.json', '{', ''), /public checkpoint "copy"/],
  ])('%s', async (_, change, message) => {
    const copy = await copyOf('half', change);
    const one = { name: 'copy', at: 1, folder: join(folder, copy) };
    await expect(resolvePublicCheckpoints(recipe([one]))).rejects.toThrow(message);
  });

  it('tensors that are not those of config.json, when they are read', async () => {
    const copy = join(folder, await copyOf('half', edit('config.json', /"hidden_size": \d+/, '"hidden_size": 64')));
    const study = expandStudy(await resolvePublicCheckpoints(recipe([{ name: 'copy', at: 1, folder: copy }])));
    const store = await openStore(join(folder, 'store-of-misfits'));
    const hooks = { signal: new AbortController().signal, onProgress: () => {}, onWarning: () => {} };
    for (const id of ['tokenizer/copy'])
      await runPhase(study.phases.find((phase) => phase.id === id)!, study, store, hooks);
    const phase = study.phases.find(({ id }) => id === 'checkpoint/copy')!;
    await expect(runPhase(phase, study, store, hooks)).rejects.toThrow(
      /model\.safetensors: tensor .*expected \[.*64.*as config\.json says, got/,
    );
  });

  it.each([
    [
      'a checkpoint that it does not name',
      { from: 'hlaf' },
      /arms\.0\.from: there is no public checkpoint "hlaf"; did you mean "half"/,
    ],
    ['a schedule to continue', { schedule: 'continued' }, /no schedule to continue; use "rewarm"/],
    [
      'another branch point',
      { branchPoint: 0.4 },
      /arms\.0\.branchPoint: expected 0\.5, where checkpoint "half" stands/,
    ],
    ['another model', { changes: { model: { dim: 64 } } }, /brings its own model/],
  ])('%s', (_, more, message) => {
    const arm = { id: 'a', from: 'half', branchPoint: 0.5, schedule: 'rewarm', ...more };
    const whole = { ...smoke, arms: [arm], public: { checkpoints: [checkpoint('half', 0.5)] } };
    expect(() => parseRecipe(whole)).toThrow(message);
  });

  it('the sweep without checkpoints, and a recipe that nobody read', async () => {
    expect(() => expandStudy(addSweeps(smoke, ['from-public']))).toThrow(/does not fit recipe .*under "public"/);
    expect(() => expandStudy(recipe())).toThrow(/was not read: `loadRecipe`/);
    expect(() => parseRecipe({ ...smoke, arms: [] })).toThrow(/at least one arm, or a sweep/);
    const file = join(await mkdtemp(join(folder, 'recipe-')), 'recipe.json');
    await mkdir(join(folder, 'recipes'), { recursive: true });
    await writeFile(file, JSON.stringify(recipe()));
    expect((await loadRecipe(file)).public!.checkpoints.map(({ identity }) => identity?.weights.length)).toEqual([
      64, 64,
    ]);
  });
});

it('a model’s own end of text is the study’s, under whatever name it has', async () => {
  const json = JSON.parse(await readFile(neoxTokenizer, 'utf8')) as {
    added_tokens: { content: string; id: number }[];
    model: { vocab: Record<string, number> };
  };
  expect(publicVocabulary(json, 0).specials['<|endoftext|>']).toBe(0);
  // As a model whose documents end with another special token.
  const other = publicVocabulary(json, 1).specials;
  expect(other['<|endoftext|>']).toBe(1);
  expect(Object.values(other)).toContain(ids);
  expect(new Set(Object.values(other)).size).toBe(Object.keys(other).length);
});

it('the recipe from Pythia names its steps by their place among 143,000, on the paper’s data', async () => {
  const read = async (name: string) =>
    JSON.parse(
      await readFile(new URL(`../../../../examples/real-data/${name}.json`, import.meta.url), 'utf8'),
    ) as object;
  const pythia = parseRecipe(await read('from-pythia'));
  const paper = parseRecipe(await read('paper-79m'));
  for (const { name, at } of pythia.public!.checkpoints) expect(Number(name.slice(4)) / 143_000).toBeCloseTo(at, 4);
  expect(pythia).toMatchObject({ finetune: paper.finetune, encoder: paper.encoder, evaluate: paper.evaluate });
  await expect(resolvePublicCheckpoints(pythia)).rejects.toThrow(
    /public checkpoint "step29000".*there is no config\.json/,
  );
});
