import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { shardsOf } from '../data/shards.ts';
import { expandStudy } from '../graph.ts';
import { presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import { tinyCorpus } from '../testing/tiny-corpus.ts';
import { runTokenizer } from './tokenizer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Learns from eight documents in a shard whose second half begins with a broken header. */
async function learn(brokenShards: Recipe['data']['brokenShards']) {
  const documents = Array.from({ length: 8 }, (_, i) => ({
    key: `d${i}`,
    members: { txt: `text number ${i}`, json: '{}' },
  }));
  const conversation = JSON.stringify({ id: 'c', conversations: [{ from: 'human', value: 'What is this?' }] });
  const corpus = await tinyCorpus({
    'text/train': documents,
    'captions/train': [{ key: 'a', members: { txt: 'a red cat', json: '{}' } }],
    'conversations/train': [{ key: 'c', members: { json: conversation } }],
  });
  await rename(corpus, join(folder, 'corpus'));
  const [shard] = await shardsOf(join(folder, 'corpus'), 'text/train');
  const bytes = await readFile(shard!);
  bytes.fill(0xff, 8 * 512, 9 * 512);
  await writeFile(shard!, bytes);
  const smoke = presets['smoke']!;
  const recipe = { ...smoke, tokenizer: { vocabSize: 262, maxTrainBytes: 1e6 }, data: { ...smoke.data, brokenShards } };
  const phase = expandStudy(recipe).phases.find(({ kind }) => kind === 'tokenizer')!;
  const warnings: string[] = [];
  const context = {
    phase,
    directory: folder,
    parent: () => folder,
    onProgress: () => {},
    onWarning: (message: string) => warnings.push(message),
  };
  return { shard: shard!, warnings, run: () => runTokenizer(context as unknown as Parameters<typeof runTokenizer>[0]) };
}

it('stops at a broken shard and names it', async () => {
  const { shard, run } = await learn('error');
  await expect(run()).rejects.toThrow(shard);
});

it('learns from the rest, and counts what is left out, where the recipe chose that', async () => {
  const { warnings, run } = await learn('skip');
  const summary = await run();
  expect(summary).toMatchObject({ skipped: { 'faults of shards': warnings.length } });
  expect(warnings.length).toBeGreaterThan(0);
  expect(summary['trainBytes']).toBeGreaterThan(0);
});

it('is another tokenizer under another policy, and the same where the policy is the default', () => {
  const hashOf = (recipe: Recipe) => expandStudy(recipe).phases.find(({ kind }) => kind === 'tokenizer')!.hash;
  const { data, ...smoke } = presets['smoke']!;
  const hash = (brokenShards: Recipe['data']['brokenShards']) => hashOf({ ...smoke, data: { ...data, brokenShards } });
  expect(hash('skip')).not.toBe(hash('error'));
  expect(hashOf({ ...smoke, data: { ...data, brokenImages: 'skip', brokenShards: 'error' } })).toBe(hash('error'));
});
