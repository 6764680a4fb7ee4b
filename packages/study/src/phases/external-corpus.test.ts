import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchmarkName, benchmarks, visionTask } from '@vlm/evals';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExternalCorpus, ExternalManifest } from '../data/external-corpus.ts';
import { corpusGroups, eachSample } from '../data/read-group.ts';
import { executeStudy } from '../execute-study.ts';
import type { PhaseRunner } from '../executor.ts';
import { expandStudy, type Phase, type Study } from '../graph.ts';
import { parseRecipe } from '../parse-recipe.ts';
import { presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import type { StudyResults } from '../report/results.ts';
import { meanScores, sixTaskScore } from '../report/score-rows.ts';
import { runPhase } from '../run-phase.ts';
import { openStore, type Store } from '../store.ts';
import { realFormatsRecipe, writeRealFormats } from '../testing/real-formats.ts';
import { buildExternalCorpus, taskOfBenchmark } from './external-corpus.ts';

let folder: string;
let corpus: ExternalCorpus;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'real-formats-'));
  corpus = await writeRealFormats(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const decoder = new TextDecoder();
const recipe = (own: ExternalCorpus = corpus): Recipe => realFormatsRecipe(own);

describe('data of one’s own', () => {
  let built: string;
  let manifest: ExternalManifest;
  beforeAll(async () => {
    built = join(folder, 'built');
    manifest = await buildExternalCorpus(corpus, built, () => {});
  });

  it('stays where it is, but for rows and questions; what does not fit is left out and counted', async () => {
    const groups = await corpusGroups(built);
    expect(groups['text/train']!.shards[0]).toMatch(/dclm.*shard_00000000_processed\.jsonl\.zst$/);
    expect(groups['conversations/train']!.shards[0]).toBe(join(built, 'conversations/shard-000000.tar'));
    expect(manifest.counts.samples).toMatchObject({
      'conversations/train': 27,
      'eval/open-vqa': 3,
      'eval/bits-per-byte': 5,
    });
    expect(manifest.skipped).toEqual({
      'rows without a picture': 1,
      '<image> marks that do not fit': 1,
      'no such picture': 1,
    });
  });

  it('reads like the default corpus: text, a synthetic caption, a picture', async () => {
    const first = async (group: string) => {
      for await (const sample of eachSample(built, group, { pictures: true })) return sample;
      throw new Error('no sample');
    };
    expect(decoder.decode((await first('text/train')).members['txt'])).toMatch(/^[a-z ]+\.\n$/);
    const caption = await first('captions/train');
    expect(Object.keys(caption.members).sort()).toEqual(['png', 'txt']);
    expect(decoder.decode(caption.members['txt'])).not.toMatch(/buy now/);
    expect((await first('conversations/train')).members['png']!.length).toBeGreaterThan(20);
  });

  it('leaves out captions without a picture, and resumes between any two samples', async () => {
    const leftOut: string[] = [];
    const keys: string[] = [];
    for await (const { key } of eachSample(built, 'captions/train', { onLeftOut: (_, why) => leftOut.push(why) }))
      keys.push(key);
    expect(keys.length).toBe(23);
    expect(leftOut).toEqual([expect.stringMatching(/addresses alone/)]);
  });

  it('names the row that is broken where that is an error', async () => {
    const strict = { ...corpus, conversations: { ...corpus.conversations, broken: 'error' as const } };
    await expect(buildExternalCorpus(strict, join(folder, 'strict'), () => {})).rejects.toThrow(
      /mix665k\.json, row 6 \(id "00006"\): <image> marks that do not fit: 2/,
    );
  });

  const pair = [
    { from: 'human', value: '<image>\nWhat?' },
    { from: 'gpt', value: 'A cat.' },
  ];
  it.each([
    ['no object', null, /row 0 \(id undefined\): no object with conversations: null/],
    ['a number', 5, /row 0 .*: no object with conversations: 5/],
    ['turns that are none', { id: 'a', image: 'x.jpg', conversations: [null, null] }, /row 0 \(id "a"\): turns that/],
    [
      'a value that is no text',
      { id: 'a', image: 'x.jpg', conversations: [pair[0], { from: 'gpt', value: 5 }] },
      /a turn whose "value" is no text: 5/,
    ],
    [
      'a mark in an answer',
      { id: 'a', image: 'x.jpg', conversations: [pair[0], { from: 'gpt', value: 'A <image>.' }] },
      /row 0 \(id "a"\): <image> marks in an answer/,
    ],
    [
      'half a character',
      { id: 'a', image: 'x.jpg', conversations: [pair[0], { from: 'gpt', value: 'A \ud83d cat.' }] },
      /a lone surrogate/,
    ],
    [
      'an answer that is blank to the tokenizer',
      { id: 'a', image: 'x.jpg', conversations: [pair[0], { from: 'gpt', value: '\u0085\u001c' }] },
      /cannot be encoded: .*visible character/,
    ],
    [
      'a picture elsewhere',
      { id: 'a', image: '../llava_v1_5_mix665k.json', conversations: pair },
      /outside of its folder: \.\.\/llava/,
    ],
    ['an image that is no path', { id: 'a', image: null, conversations: pair }, /an "image" that is no path: null/],
  ])('leaves out a row of conversations that is %s, or names it', async (name, row, message) => {
    const file = join(folder, 'broken-rows.json');
    const [whole] = JSON.parse(await readFile(corpus.conversations.file, 'utf8')) as unknown[];
    await writeFile(file, JSON.stringify([row, whole]));
    const read = (broken: 'error' | 'skip') =>
      buildExternalCorpus(
        { ...corpus, conversations: { ...corpus.conversations, file, broken } },
        join(folder, `rows-${name.replaceAll(' ', '-')}-${broken}`),
        () => {},
      );
    await expect(read('error')).rejects.toThrow(message);
    const { counts, skipped } = await read('skip');
    expect(counts.samples['conversations/train']).toBe(1);
    expect(Object.values(skipped)).toEqual([1]);
  });

  it('takes rows as lines too, under the same numbers', async () => {
    const rows = JSON.parse(await readFile(corpus.conversations.file, 'utf8')) as unknown[];
    const lines = rows.map((row) => JSON.stringify(row));
    lines[2] = '{"id": "cut';
    const file = join(folder, 'rows.jsonl');
    await writeFile(file, `${lines.join('\n')}\n`);
    const own = { ...corpus, conversations: { ...corpus.conversations, file } };
    const as = join(folder, 'built-of-lines');
    const { skipped } = await buildExternalCorpus(own, as, () => {});
    expect(skipped).toEqual({ ...manifest.skipped, 'no JSON': 1 });
    const keys = async (where: string): Promise<string[]> => {
      const found: string[] = [];
      for await (const { key } of eachSample(where, 'conversations/train')) found.push(key);
      return found;
    };
    expect(await keys(as)).toEqual((await keys(built)).filter((key) => !key.endsWith('000000002')));
    const strict = { ...own, conversations: { ...own.conversations, broken: 'error' as const } };
    await expect(buildExternalCorpus(strict, join(folder, 'strict-lines'), () => {})).rejects.toThrow(
      /rows\.jsonl, row 2 .*: no JSON/,
    );
  });

  it('tells of a broken line of text and goes on where shards may be broken, and else says which it is', async () => {
    const shard = join(folder, 'broken-lines.jsonl');
    await writeFile(shard, '{"text":"one"}\n{"text":"tw\n\n{"text":""}\n  \n{"text":"five"}\n');
    const own = { ...corpus, text: { ...corpus.text, format: 'dclm' as const, shards: [shard] } };
    const as = join(folder, 'built-of-broken-lines');
    await buildExternalCorpus(own, as, () => {});
    const told: string[] = [];
    const texts: string[] = [];
    const onBroken = (problem: Error): void => void told.push(problem.message);
    for await (const { members } of eachSample(as, 'text/train', { onBroken }))
      texts.push(decoder.decode(members['txt']));
    expect(texts).toEqual(['one', 'five']);
    expect(told).toEqual(
      [1, 2].map((line) => expect.stringMatching(new RegExp(`Sample 00000000${line} of .*broken-lines\\.jsonl`))),
    );
    const strict = async (): Promise<void> => {
      for await (const _ of eachSample(as, 'text/train'));
    };
    await expect(strict()).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/Sample 000000001 of .*broken-lines\.jsonl/),
    });
  });

  it.each([
    ['conversations', 'conversations.json', '[{"id":', /conversations\.json: expected JSON: /],
    ['a manifest', 'manifest.jsonl', '{"shard":"a"}\n\n{"shard":', /manifest\.jsonl, line 2: expected JSON: /],
    ['a line of a manifest', 'manifest.jsonl', '7\n', /manifest\.jsonl, line 1: expected \{ "shard"/],
    [
      'held-out text',
      'held-out.jsonl',
      '{"text":"a"}\n{"te\n',
      /Sample 000000001 of .*held-out\.jsonl: expected a line/,
    ],
    ['held-out text without one', 'held-out.jsonl', 'null\n', /Sample 000000000 of .*held-out\.jsonl: expected a line/],
  ])('names the file where %s cannot be parsed', async (_, name, text, message) => {
    const file = join(folder, name);
    await writeFile(file, text);
    const own: ExternalCorpus = {
      ...corpus,
      ...(name.startsWith('conv') ? { conversations: { ...corpus.conversations, file } } : {}),
      text: {
        ...corpus.text,
        ...(name.startsWith('manifest') ? { format: 'openlm-tokens', shards: [file] } : {}),
        ...(name.startsWith('held') ? { heldOut: [file] } : {}),
      },
    };
    const building = buildExternalCorpus(own, join(folder, 'unparsed'), () => {});
    await expect(building).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) });
  });

  it('names every path that is not there before it reads anything', async () => {
    const own: ExternalCorpus = {
      ...corpus,
      text: { ...corpus.text, shards: ['/nowhere/shard_{0000..0003}.jsonl.zst'] },
      captions: { ...corpus.captions, shards: [...corpus.captions.shards, 'one-more.tar'] },
      conversations: { ...corpus.conversations, file: '/nowhere/rows.json' },
      benchmarks: [{ ...corpus.benchmarks[0]!, images: '/nowhere/images' }],
    };
    const notes: string[] = [];
    const error = await buildExternalCorpus(own, join(folder, 'absent'), (note) => notes.push(note)).catch(
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code: 'bad-data' });
    expect((error as Error).message.split('\n').slice(1)).toEqual([
      '  - corpus.conversations.file: there is no /nowhere/rows.json',
      '  - corpus.benchmarks.0.images: there is no /nowhere/images',
      '  - corpus.text.shards: there is no /nowhere/shard_0000.jsonl.zst, nor any other of 4',
    ]);
    expect(notes).toEqual([]);
  });

  it('leaves shards that have an address to whoever reads them', async () => {
    const own = { ...corpus, text: { ...corpus.text, shards: ['https://example.org/shard_{0..3}.jsonl.zst'] } };
    const { groups } = await buildExternalCorpus(own, join(folder, 'addresses'), () => {});
    expect(groups['text/train']!.shards).toHaveLength(4);
  });

  it.each([
    ['a misspelt key', (own: object) => ({ ...own, caption: {} }), /corpus/],
    [
      'tokens without their tokenizer',
      (own: ExternalCorpus) => ({ ...own, text: { ...own.text, format: 'openlm-tokens' } }),
      /tokenizer\.file/,
    ],
    [
      'a misspelt benchmark',
      (own: ExternalCorpus) => ({ ...own, benchmarks: [{ ...own.benchmarks[0]!, name: 'vqa-v3' }] }),
      /corpus\.benchmarks\.0\.name: there is no benchmark "vqa-v3"; did you mean "vqa-v2"\?/,
    ],
    [
      'an unknown benchmark',
      (own: ExternalCorpus) => ({ ...own, benchmarks: [{ ...own.benchmarks[0]!, name: 'my-questions' }] }),
      /no benchmark "my-questions"\. Benchmarks: vqa-v2, gqa,/,
    ],
  ])('refuses %s', (_, change, message) => {
    const whole = recipe(change(corpus) as ExternalCorpus);
    expect(() => parseRecipe({ ...whole, tokenizer: { vocabSize: 512, maxTrainBytes: 1000 } })).toThrow(message);
  });

  it('refuses an encoder that needs labelled scenes', () => {
    expect(() => parseRecipe({ ...recipe(), encoder: presets['smoke']!.encoder })).toThrow(
      /"cnn" learns from labelled scenes/,
    );
  });
});

it.each(['paper-79m', 'paper-1b'])(
  'the recipe of %s on real data is its preset with the data in place',
  async (name) => {
    const file = new URL(`../../../../examples/real-data/${name}.json`, import.meta.url);
    const real = parseRecipe(JSON.parse(await readFile(file, 'utf8')));
    const { model, main, branch, arms, finetune, optimizer, projector } = presets[name]!;
    expect(real).toMatchObject({ model, main, branch, arms, finetune, optimizer, projector });
    expect(expandStudy(real).phases.length).toBe(expandStudy(presets[name]!).phases.length);
  },
);

/** Runs a training phase again in a store of its own, stopped after a step and gone on. */
async function resumesBitForBit(study: Study, store: Store, id: string): Promise<void> {
  const find = (wanted: string): Phase => study.phases.find((phase) => phase.id === wanted)!;
  const phase = find(id);
  const other = await openStore(join(folder, 'store-again'));
  for (const parent of Object.values(phase.parents).map(find)) {
    await cp(store.phaseDirectory(parent), other.phaseDirectory(parent), { recursive: true });
  }
  const stop = new AbortController();
  const onWarning = (): void => {};
  const stopped = runPhase(phase, study, other, {
    onWarning,
    signal: stop.signal,
    onProgress: ({ step }) => step !== undefined && step >= 1 && stop.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
  await runPhase(phase, study, other, { onWarning, onProgress: () => {}, signal: new AbortController().signal });
  const weights = join('checkpoints', 'named-final', 'weights.safetensors');
  const [again, straight] = await Promise.all(
    [other, store].map((where) => readFile(join(where.phaseDirectory(phase), weights))),
  );
  expect(again!.equals(straight!)).toBe(true);
}

describe('the whole study on it', { timeout: 240_000 }, () => {
  it.each([
    ['dclm', 'stored'],
    ['openlm-tokens', 'when-read'],
  ] as const)('runs from shards of %s with features %s to the report', async (format, features) => {
    const text = { ...corpus.text, format };
    if (format === 'openlm-tokens') text.shards = [join(folder, 'tokenised', 'manifest.jsonl')];
    const whole = recipe({ ...corpus, text });
    const study = expandStudy(parseRecipe({ ...whole, data: { ...whole.data, features } }));
    const store = await openStore(join(folder, `store-${format}`));
    const runner: PhaseRunner = { run: (phase, of, hooks) => runPhase(phase, of, store, hooks) };
    const records = await executeStudy(study, { store, runner, concurrency: 1, estimate: () => 1 });
    const report = study.phases.find(({ kind }) => kind === 'report')!;
    const results = JSON.parse(
      await readFile(join(store.phaseDirectory(report), 'results.json'), 'utf8'),
    ) as StudyResults;
    expect(results.encoder).toMatchObject({ kind: 'hub', patches: 16, width: 8 });
    const score = results.arms[0]!.scores.find(({ task, condition }) => task === 'open-vqa' && condition === 'image')!;
    expect(score.n).toBe(3);
    expect(results.skipped).toMatchObject({ 'corpus: rows without a picture': 1 });
    const branch = records.get('branch/branch-50/seed-124')!.summary as { steps: number; mixture: object };
    expect(branch.steps).toBe(4);
    expect(Object.keys(branch.mixture)).toEqual(['captions', 'text']);
    const kept = records.get('features')!.summary['pictures'];
    expect(kept).toBe(features === 'stored' ? 3 + 23 + 27 : 3);
    if (features === 'when-read') await resumesBitForBit(study, store, 'branch/branch-50/seed-124');
  });
});

it('benchmarks stand under the tasks that are their twins: the paper’s own six are the six-task score', () => {
  const six: BenchmarkName[] = ['vqa-v2', 'gqa', 'text-vqa', 'pope', 'refcoco', 'ocid-ref'];
  expect(six.map((name) => taskOfBenchmark[name]).sort()).toEqual([...meanScores[sixTaskScore]!].sort());
  const plain = (name: string | undefined) => name?.toLowerCase().replace(/\W/g, '');
  for (const [name, task] of Object.entries(taskOfBenchmark)) {
    expect(Object.keys(benchmarks)).toContain(name);
    expect(plain(visionTask(task, 'answers').twin)).toBe(plain(name));
  }
});
