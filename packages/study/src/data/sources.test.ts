import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { barePatches } from '@vlm/image-patcher';
import { createTokenizer, trainBpe } from '@vlm/tokenizer';
import { collect } from '@vlm/trainer';
import { afterEach, describe, expect, it } from 'vitest';
import { writeShards } from 'webdataset-ts';
import { redPng, type TinySample, tinyCorpus } from '../testing/tiny-corpus.ts';
import type { FeatureTable } from './features.ts';
import { captionSource, conversationSource } from './image-sources.ts';
import {
  blankInputs,
  encodedInputs,
  ownPreprocessing,
  type PictureInputs,
  uncheckedPixelInputs,
} from './picture-inputs.ts';
import { shardsOf } from './shards.ts';
import { skipPolicy } from './skip-policy.ts';
import { textSource } from './text-source.ts';

const tokenizer = createTokenizer(
  trainBpe(['a red cat and a blue dog', 'What is this?'], { vocabSize: 270, whenTooSmall: 'smaller' }),
);
const table = (known: string[]): FeatureTable => ({
  patches: 4,
  width: 3,
  has: (key) => known.includes(key),
  of: (key) => new Float32Array(12).fill(known.indexOf(key)),
  close: () => {},
});

const folders: string[] = [];
const corpus = async (groups: Record<string, TinySample[]>): Promise<string> => {
  const folder = await tinyCorpus(groups);
  folders.push(folder);
  return folder;
};
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const document = (key: string): TinySample => ({ key, members: { txt: `document ${key}`, json: '{}' } });
const caption = (key: string): TinySample => ({ key, members: { png: redPng, txt: `a cat ${key}`, json: '{}' } });

describe('sources', () => {
  it('give every document once, in an order that the seed decides, and resume at any place', async () => {
    const folder = await corpus({ 'text/train': Array.from({ length: 20 }, (_, i) => document(`d${i}`)) });
    const ids = async (seed: number): Promise<string[]> =>
      (await collect(await textSource({ corpus: folder, tokenizer, seed, onBroken: 'error' })())).map(({ id }) => id);
    const first = await ids(1);
    expect(new Set(first).size).toBe(20);
    expect(await ids(1)).toEqual(first);
    expect(await ids(2)).not.toEqual(first);
    const open = textSource({ corpus: folder, tokenizer, seed: 1, onBroken: 'error' });
    const half = await open();
    for (let i = 0; i < 7; i++) await half.next();
    const rest = await collect(await open(JSON.parse(JSON.stringify(half.state()))));
    expect(rest.map(({ id }) => id)).toEqual(first.slice(7));
  });

  it('have in every pass the order of the first, or with `reshuffle` one of its own, and resume in any of them', async () => {
    const folder = await corpus({ 'text/train': Array.from({ length: 20 }, (_, i) => document(`d${i}`)) });
    const options = { corpus: folder, tokenizer, seed: 1, onBroken: 'error' } as const;
    type Options = Pick<Parameters<typeof textSource>[0], 'reshuffle' | 'passesBefore'>;
    const idsOf = async (how: Options, epoch: number): Promise<string[]> =>
      (await collect(await textSource({ ...options, ...how })(undefined, { epoch }))).map(({ id }) => id);
    const first = await idsOf({}, 0);
    expect(await idsOf({}, 1)).toEqual(first);
    expect(await idsOf({ reshuffle: true }, 0)).toEqual(first);
    const second = await idsOf({ reshuffle: true }, 1);
    expect(second).not.toEqual(first);
    expect(second.toSorted()).toEqual(first.toSorted());
    expect(await idsOf({ reshuffle: true }, 2)).not.toEqual(second);
    expect(await idsOf({ reshuffle: true, passesBefore: 1 }, 0)).toEqual(second);

    const open = textSource({ ...options, reshuffle: true });
    const half = await open(undefined, { epoch: 1 });
    for (let i = 0; i < 7; i++) await half.next();
    const state = JSON.parse(JSON.stringify(half.state()));
    const rest = async (position: unknown, epoch: number) => collect(await open(position, { epoch }));
    expect((await rest(state, 1)).map(({ id }) => id)).toEqual(second.slice(7));
    // Another run that goes on from here counts its passes from 0.
    expect((await rest(state, 0)).map(({ id }) => id)).toEqual(second.slice(7));
  });

  it('read a corpus whose folder is called like a pattern', async () => {
    const folder = await corpus({ 'text/train': [document('a')] });
    const odd = `${folder} {0..1}::b`;
    await rename(folder, odd);
    folders.splice(folders.indexOf(folder), 1, odd);
    const items = await collect(await textSource({ corpus: odd, tokenizer, seed: 1, onBroken: 'error' })());
    expect(items).toHaveLength(1);
  });

  it('show the picture of each caption and leave out, counted, what has none', async () => {
    const folder = await corpus({ 'captions/train': [caption('a'), caption('b'), caption('c')] });
    const warnings: string[] = [];
    const skips = await skipPolicy({ directory: folder, onWarning: (message) => warnings.push(message) }, 'skip');
    const features = table(['captions/train/a', 'captions/train/c']);
    const items = await collect(
      await captionSource({
        corpus: folder,
        tokenizer,
        seed: 1,
        features,
        onBroken: 'error',
        onLeftOut: skips.onLeftOut,
      })(),
    );
    expect(items.map(({ id }) => id).sort()).toEqual(['a', 'c']);
    expect(items.find(({ id }) => id === 'c')!.patches![0]).toBe(1);
    expect(await skips.counts()).toEqual({ 'items without a readable picture': 1 });
    expect(warnings).toEqual([expect.stringContaining('captions/train/b')]);

    // A second pass, and a process that goes on after one that was killed while it wrote a line, meet the same item and count it once.
    skips.onLeftOut('captions/train/b');
    expect(warnings).toHaveLength(1);
    await appendFile(join(folder, 'left-out.jsonl'), '{"what": "ite');
    const again = await skipPolicy({ directory: folder, onWarning: () => {} }, 'skip');
    again.onLeftOut('captions/train/b');
    again.onLeftOut('captions/train/c');
    expect(await again.counts()).toEqual({ 'items without a readable picture': 2 });
    const third = await skipPolicy({ directory: folder, onWarning: () => {} }, 'skip');
    expect(await third.counts()).toEqual({ 'items without a readable picture': 2 });
  });

  it('tell samples without a caption apart from pictures that do not decode', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'no-caption-'));
    folders.push(folder);
    const writer = writeShards({ directory: join(folder, 'shards'), prefix: 'x-' });
    await writer.add({ key: '0001', members: { jpg: redPng, txt: 'a cat', json: '{}' } });
    const groups = {
      'captions/train': {
        format: { kind: 'datacomp', caption: 'synthetic' },
        shards: (await writer.close()).shards.map(({ path }) => path),
      },
    };
    await writeFile(join(folder, 'external.json'), JSON.stringify({ groups, counts: { samples: {} } }));
    const warnings: string[] = [];
    const skips = await skipPolicy({ directory: folder, onWarning: (message) => warnings.push(message) }, 'error');
    const { onLeftOut } = skips;
    const features = table(['captions/train/0001']);
    const reading = { corpus: folder, tokenizer, seed: 1, features, onBroken: 'error', onLeftOut } as const;
    expect(await collect(await captionSource(reading)())).toEqual([]);
    expect(await skips.counts()).toEqual({ 'samples without a picture or caption': 1 });
    expect(warnings).toEqual(['Left out: sample captions/train/0001: no synthetic caption']);
  });

  it.each(['error', 'skip'] as const)(
    'whose features are made as they are read, broken pictures: %s',
    async (broken) => {
      const whole = [caption('a'), caption('b'), caption('c')];
      const cut: TinySample = { key: 'cut', members: { png: redPng.slice(0, 40), txt: 'nothing', json: '{}' } };
      const folder = await corpus({ 'captions/train': [...whole, cut] });
      const encoder = barePatches({ ...ownPreprocessing(4), patch: 2 });
      const [expected] = await encoder.encode([redPng]);
      const skips = await skipPolicy({ directory: folder, onWarning: () => {} }, 'skip');
      const reading = { corpus: folder, tokenizer, seed: 1, onBroken: 'error', onLeftOut: skips.onLeftOut } as const;
      const items = async (features: PictureInputs) => collect(await captionSource({ ...reading, features })());
      const features = encodedInputs(encoder, broken);
      if (broken === 'error') {
        await expect(items(features)).rejects.toThrow(/captions\/train\/cut/);
        return;
      }
      const read = await items(features);
      expect(read.map(({ id }) => id).sort()).toEqual(['a', 'b', 'c']);
      for (const { patches } of read) expect(patches).toEqual(expected);
      expect(await skips.counts()).toEqual({ 'items without a readable picture': 1 });
      const counted = await items(blankInputs(features, expected!.length, broken));
      expect(counted.map(({ id, tokens }) => [id, tokens])).toEqual(read.map(({ id, tokens }) => [id, tokens]));
      const pixels = await items(uncheckedPixelInputs(4, 4, broken));
      expect(pixels.map(({ id, patches }) => [id, patches!.length])).toEqual(read.map(({ id }) => [id, 48]));
    },
  );

  it('carry loss on the answers of a conversation alone', async () => {
    const turns = [
      { from: 'human', value: '<image>\nWhat is this?' },
      { from: 'gpt', value: 'cat' },
    ];
    const folder = await corpus({
      'conversations/train': [
        { key: 'x', members: { png: redPng, json: JSON.stringify({ id: 'x', image: 'x.png', conversations: turns }) } },
        {
          key: 'y',
          members: {
            json: JSON.stringify({ id: 'y', conversations: [{ from: 'human', value: 'What is this?' }, turns[1]] }),
          },
        },
      ],
    });
    const options = {
      corpus: folder,
      tokenizer,
      seed: 1,
      features: table(['conversations/train/x']),
      onBroken: 'error',
      onLeftOut: () => {},
    } as const;
    const items = await collect(await conversationSource(options)());
    const withPicture = items.find(({ id }) => id === 'x')!;
    const answered = tokenizer.decode([...withPicture.tokens].filter((_, i) => withPicture.loss[i] === 1));
    expect(answered).toBe(' cat<|endoftext|>');
    expect(withPicture.patches).toHaveLength(12);
    expect(items.find(({ id }) => id === 'y')!.patches).toBeUndefined();
    const only = await collect(await conversationSource({ ...options, only: (key) => key === 'y' })());
    expect(only.map(({ id }) => id)).toEqual(['y']);
  });

  it('a cut shard is an error that names it, or skipped and counted where the recipe says so', async () => {
    const folder = await corpus({ 'text/train': Array.from({ length: 8 }, (_, i) => document(`d${i}`)) });
    const [path] = await shardsOf(folder, 'text/train');
    const bytes = await readFile(path!);
    bytes.fill(0xff, 4 * 512, 5 * 512); // a header in the middle: same size, so the manifest does not notice
    await writeFile(path!, bytes);
    const read = async (onBroken: Parameters<typeof textSource>[0]['onBroken']) =>
      collect(await textSource({ corpus: folder, tokenizer, seed: 1, onBroken })());
    await expect(read('error')).rejects.toThrow(path!);
    const skips = await skipPolicy({ directory: folder, onWarning: () => {} }, 'skip');
    expect((await read(skips.onBroken)).length).toBeLessThan(8);
    expect((await skips.counts())['faults of shards']).toBeGreaterThan(0);
  });

  it('a shard that lost its end is noticed before anything is read', async () => {
    const folder = await corpus({ 'text/train': [document('a')] });
    const [path] = await shardsOf(folder, 'text/train');
    await writeFile(path!, (await readFile(path!)).subarray(0, 700));
    await expect(shardsOf(folder, 'text/train')).rejects.toThrow(/expected \d+ bytes, got 700; build the corpus again/);
    expect(join(folder, 'text')).toBe(path!.slice(0, path!.lastIndexOf('/')));
  });
});
