import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { expandStudy } from '../graph.ts';
import { presets } from '../presets/index.ts';
import { collectResults } from '../report/collect-results.ts';
import { reportTwins } from '../report/report-document.ts';
import { openStore, type Store } from '../store.ts';
import { madeUpResults } from '../testing/made-up-results.ts';
import { runReport, writePartialReport } from './report.ts';

vi.mock(import('../report/collect-results.ts'));

const quick = { ...presets['quick']!, arms: presets['quick']!.arms.slice(4) };
const study = expandStudy(quick);
/** Copied, changed, and its name left as it was. */
const changed = expandStudy({ ...quick, branch: { ...quick.branch, imageShare: 0.25 } });

let store: Store;
beforeEach(async () => {
  store = await openStore(await mkdtemp(join(tmpdir(), 'report-')));
  vi.mocked(collectResults).mockImplementation(async ({ recipe }) => madeUpResults(recipe, () => 0.5));
});
afterEach(() => rm(store.directory, { recursive: true }));

it('a report has all files that its footer links to; one of what there is takes no finished one’s place', async () => {
  const phase = study.phases.find(({ kind }) => kind === 'report')!;
  const directory = store.phaseDirectory(phase);
  const onProgress = (): void => {};
  await runReport({ phase, study, store, directory, onProgress } as unknown as Parameters<typeof runReport>[0]);
  for (const file of ['report.html', ...reportTwins]) {
    const own = await readFile(join(directory, file), 'utf8');
    expect(await readFile(join(store.directory, 'reports/quick', file), 'utf8'), file).toBe(own);
  }
  const finished = await readFile(join(store.directory, 'reports/quick/results.json'), 'utf8');
  const pages = [await writePartialReport(study, store), await writePartialReport(changed, store)];
  expect(new Set(pages).size).toBe(2);
  const shares = await Promise.all(
    pages.map(
      async (page) => JSON.parse(await readFile(join(page, '../results.json'), 'utf8')).recipe.branch.imageShare,
    ),
  );
  expect(shares).toEqual([quick.branch.imageShare, 0.25]);
  expect(await readFile(join(store.directory, 'reports/quick/results.json'), 'utf8')).toBe(finished);
}, 60_000);
