import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFeatureRows } from '../data/feature-rows.ts';
import { openFeatures } from '../data/features.ts';
import { expandStudy, type Phase } from '../graph.ts';
import { presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import { runPhase } from '../run-phase.ts';
import { writeJson } from '../store/whole-file.ts';
import { openStore, type Store } from '../store.ts';
import { redPng, type TinySample, tinyCorpus } from '../testing/tiny-corpus.ts';
import { encoderFile } from './features.ts';

let directory: string;
let store: Store;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'features-'));
  store = await openStore(directory);
});
afterEach(() => rm(directory, { recursive: true }));

/** A store whose corpus holds three pictures, one of them broken, and whose encoder is the bare patches. */
async function prepare(brokenImages: Recipe['data']['brokenImages'], more: Record<string, TinySample[]> = {}) {
  const study = expandStudy({ ...presets['smoke']!, data: { brokenImages, brokenShards: 'error' } });
  const find = (kind: string): Phase => study.phases.find((phase) => phase.kind === kind)!;
  const caption = (key: string, png: Uint8Array) => ({ key, members: { png, txt: 'a cat', json: '{}' } });
  const corpus = await tinyCorpus({
    'captions/train': [caption('a', redPng), caption('b', redPng.slice(0, 40)), caption('c', redPng)],
    ...more,
  });
  await mkdir(store.phaseDirectory(find('corpus')), { recursive: true });
  await rename(corpus, join(store.phaseDirectory(find('corpus')), 'corpus'));
  const done = { finishedAt: '', seconds: 0, peakBytes: 0 };
  await store.finish(find('corpus'), {
    ...done,
    summary: { manifest: { counts: { samples: { 'captions/train': 3 } } } },
  });
  await writeJson(join(store.phaseDirectory(find('encoder')), encoderFile), {
    kind: 'bare-patches',
    imageSize: 8,
    patches: 16,
    width: 12,
  });
  await store.finish(find('encoder'), { ...done, summary: {} });
  return { study, phase: find('features') };
}

const hooks = { signal: new AbortController().signal, onProgress: () => {} };

describe('the features phase', () => {
  it('stops at a picture that does not decode and names it', async () => {
    const { study, phase } = await prepare('error');
    await expect(runPhase(phase, study, store, { ...hooks, onWarning: () => {} })).rejects.toThrow('captions/train/b');
    expect(await store.record(phase)).toBeUndefined();
  });

  it('leaves it out, says so and counts it, where the recipe chose that', async () => {
    const { study, phase } = await prepare('skip');
    const warnings: string[] = [];
    const record = await runPhase(phase, study, store, { ...hooks, onWarning: (message) => warnings.push(message) });
    expect(record.summary).toMatchObject({ pictures: 2, patches: 16, width: 12, skipped: { images: 1 } });
    expect(warnings).toEqual([expect.stringContaining('captions/train/b')]);
    const features = await openFeatures(store.phaseDirectory(phase));
    expect(features.has('captions/train/b')).toBe(false);
    expect(Array.from(features.of('captions/train/c').slice(0, 3))).toEqual([1, -1, -1]);
    features.close();
  });

  it('does not leave out the picture of a question, whatever training may leave out', async () => {
    const question = { key: 'q', members: { png: redPng.slice(0, 40), json: '{}' } };
    const { study, phase } = await prepare('skip', { 'eval/existence': [question] });
    await expect(runPhase(phase, study, store, { ...hooks, onWarning: () => {} })).rejects.toThrow('eval/existence/q');
  });

  it('goes on after an interruption, even in the middle of a row, and leaves the same bytes', async () => {
    const { study, phase } = await prepare('skip', {
      'eval/existence': Array.from({ length: 600 }, (_, i) => ({ key: `q${i}`, members: { png: redPng, json: '{}' } })),
    });
    const folder = store.phaseDirectory(phase);
    const table = () => Promise.all(['features.f32', 'features.json'].map((file) => readFile(join(folder, file))));
    const whole = await runPhase(phase, study, store, { ...hooks, onWarning: () => {} });
    const expected = await table();
    await rm(folder, { recursive: true });

    for (const batches of [1, 2]) {
      const stop = new AbortController();
      const onProgress = ({ fraction }: { fraction: number }) => {
        if (fraction > 0 && --left === 0) stop.abort();
      };
      let left = batches;
      const stopped = runPhase(phase, study, store, { signal: stop.signal, onProgress, onWarning: () => {} });
      await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
      await appendFile(join(folder, 'features.f32'), Buffer.alloc(batches === 1 ? 1000 : 100_000));
      await appendFile(join(folder, 'features.batches.jsonl'), '{"pictures":"0123');
    }
    const warnings: string[] = [];
    const resumed = await runPhase(phase, study, store, { ...hooks, onWarning: (message) => warnings.push(message) });
    expect(await table()).toEqual(expected);
    expect(resumed.summary).toEqual(whole.summary);
    // The broken picture is in a batch that was not encoded again.
    expect(whole.summary['skipped']).toEqual({ images: 1, shardFaults: 0 });
    expect(warnings).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['features.f32', 'features.json', 'log.txt', 'phase.json']);
  });

  it('encodes again what an earlier attempt read otherwise, or lost the rows of', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rows-'));
    const rows = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
    const first = await openFeatureRows(directory, { patches: 1, width: 2 });
    await first.append(['a', 'b'], rows);
    await first.append(['c', 'd'], [undefined, rows[1]!]);
    await first.close();
    await truncate(join(directory, 'features.f32'), 20);

    const second = await openFeatureRows(directory, { patches: 1, width: 2 });
    expect(second.takeOver(['a', 'b'])).toEqual([]);
    expect(second.takeOver(['c', 'd'])).toBeUndefined();
    await second.close();
    const third = await openFeatureRows(directory, { patches: 1, width: 2 });
    expect(third.takeOver(['b', 'a'])).toBeUndefined();
    await third.append(['b', 'a'], [rows[1]!, undefined]);
    await third.finish(['b']);
    await third.close();
    expect(await readFile(join(directory, 'features.f32'))).toEqual(Buffer.from(rows[1]!.buffer));
    await rm(directory, { recursive: true });
  });

  it('saves what it has where another worker can go on', async () => {
    const { study, phase } = await prepare('skip');
    const saves = vi.spyOn(store, 'saveProgress');
    await runPhase(phase, study, store, { ...hooks, onWarning: () => {} });
    expect(saves).toHaveBeenCalled();
  });

  it('refuses a key that two shards have: one picture would be trained with the other’s caption', async () => {
    const { study, phase } = await prepare('skip');
    const file = join(store.phaseDirectory(study.phases[0]!), 'corpus/manifest.json');
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    manifest.shards['captions/train'].push(manifest.shards['captions/train'][0]);
    await writeJson(file, manifest);
    await expect(runPhase(phase, study, store, { ...hooks, onWarning: () => {} })).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/captions\/train\/a again in .*"when-read"/),
    });
  });
});
