import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expandStudy, type Study } from './graph.ts';
import { presets } from './presets/index.ts';
import { localReport, readResults } from './read-results.ts';
import { openLocalCache } from './store/local-cache.ts';
import { openObjectStore } from './store/object-store.ts';
import { writeWhole } from './store/whole-file.ts';
import { openStore, type Store } from './store.ts';
import { memoryObjects } from './testing/memory-objects.ts';
import { recordOf } from './testing/store-contract.ts';

const smoke = presets['smoke']!;
const study = expandStudy(smoke);
/** Copied, changed, and its name left as it was. */
const changed = expandStudy({ ...smoke, branch: { ...smoke.branch, imageShare: 0.25 } });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'results-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function finishReport({ phases }: Study, store: Store, text: string): Promise<void> {
  const report = phases.find(({ kind }) => kind === 'report')!;
  await writeWhole(join(store.phaseDirectory(report), 'report.html'), text);
  await writeWhole(join(store.phaseDirectory(report), 'results.json'), JSON.stringify({ version: text }));
  await store.finish(report, recordOf());
  await store.writeShared('reports/smoke/report.html', text);
}

describe('results', () => {
  const { objects } = memoryObjects();
  it.each([
    ['a folder', (): Promise<Store> => openStore(folder)],
    ['a bucket', (): Promise<Store> => openObjectStore(objects, () => openLocalCache(folder, 1e9))],
  ])('of two studies of one name in %s are each of their own', async (_, open) => {
    const store = await open();
    await finishReport(study, store, 'first');
    await finishReport(changed, store, 'second');
    for (const [of, text] of [
      [study, 'first'],
      [changed, 'second'],
    ] as const) {
      expect(await readResults(of, store)).toEqual({ version: text });
      expect(await readFile(await localReport(of, store), 'utf8')).toBe(text);
    }
  });

  it.each(['{"version": ', undefined])(
    'that cannot be read any more name the file and what to do (%s)',
    async (text) => {
      const store = await openStore(folder);
      await finishReport(study, store, 'first');
      const file = join(store.phaseDirectory(study.phases.find(({ kind }) => kind === 'report')!), 'results.json');
      await (text === undefined ? rm(file) : writeFile(file, text));
      await expect(readResults(study, store)).rejects.toMatchObject({
        code: 'store-damaged',
        message: expect.stringMatching(`${file}.*Delete this phase’s folder and run the study again`),
      });
    },
  );

  it('are not there before the study is finished', async () => {
    const store = await openStore(folder);
    await expect(readResults(study, store)).rejects.toThrow(/15 of 15 phases of recipe "smoke" are not done yet/);
    await expect(localReport(study, store)).rejects.toMatchObject({ code: 'not-finished' });
  });
});
