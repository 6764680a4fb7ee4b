import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { redPng, type TinySample, tinyCorpus } from '../testing/tiny-corpus.ts';
import { readEvalItems, readPictures } from './eval-items.ts';

const made: string[] = [];
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true }))));

const question = (id: string): TinySample => ({
  key: id,
  members: {
    png: redPng,
    json: JSON.stringify({ id, task: 'existence', split: 'new-scene', type: 'random', question: 'Is it?' }),
  },
});
const choice: TinySample = {
  key: 'c',
  members: { json: JSON.stringify({ id: 'c', task: 'last-word', context: 'a', choices: [' b', ' c'], answer: 0 }) },
};
const document: TinySample = {
  key: 'd',
  members: { json: JSON.stringify({ id: 'd', task: 'bits-per-byte', text: 'Call me.', source: 'novel' }) },
};

async function corpusOf(samples: TinySample[]): Promise<string> {
  const folder = await tinyCorpus({ 'eval/existence': samples, 'eval/text': [choice, document] });
  made.push(folder);
  return folder;
}

it('sorts questions by task, and finds their pictures', async () => {
  const corpus = await corpusOf([question('a'), question('b')]);
  const { vision, text, documents, pictures } = await readEvalItems(corpus);
  expect(vision['existence']!.map(({ id }) => id)).toEqual(['a', 'b']);
  expect([text['last-word']!.length, documents.length]).toEqual([1, 1]);
  const found = await readPictures(corpus, pictures, new Set(['b']));
  expect([...found]).toEqual([['b', redPng]]);
});

it.each<[string, TinySample[], RegExp]>([
  [
    'without its picture',
    [{ ...question('a'), members: { json: question('a').members['json']! } }],
    /existence\/a: expected a picture/,
  ],
  ['without words', [{ key: 'a', members: { png: redPng } }], /existence\/a: expected a question/],
  [
    'that is cut',
    [{ key: 'a', members: { png: redPng, json: '{"id": "a", "ta' } }],
    /existence\/a: the question is no JSON/,
  ],
  [
    'whose id occurs twice',
    [question('a'), { ...question('a'), key: 'b' }],
    /existence\/b: the id "a" of existence occurs twice/,
  ],
])('a question %s is an error that names it', async (_, samples, message) => {
  await expect(readEvalItems(await corpusOf(samples))).rejects.toMatchObject({
    code: 'store-damaged',
    message: expect.stringMatching(message),
  });
});

it('fewer questions than the manifest counts are an error, not a smaller denominator', async () => {
  const corpus = await corpusOf([question('a'), question('b')]);
  const path = join(corpus, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  manifest.shards['eval/existence'][0].samples = 3;
  await writeFile(path, JSON.stringify(manifest));
  await expect(readEvalItems(corpus)).rejects.toThrow(/eval\/existence: expected 3 questions, got 2/);
});

it('a shard that is cut is an error', async () => {
  const corpus = await corpusOf([question('a'), question('b')]);
  const manifest = JSON.parse(await readFile(join(corpus, 'manifest.json'), 'utf8'));
  const shard = join(corpus, manifest.shards['eval/existence'][0].path);
  const bytes = await readFile(shard);
  await writeFile(shard, bytes.subarray(0, 1100));
  await expect(readEvalItems(corpus)).rejects.toThrow();
});
