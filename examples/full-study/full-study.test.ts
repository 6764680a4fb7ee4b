import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expandStudy, loadRecipe, openStore, type StudyResults, writeDuelPage } from '@vlm/study';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const script = fileURLToPath(new URL('main.ts', import.meta.url));
const fromSource = ['--import', 'tsx', '--conditions=@vlm/source'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'full-study-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The example as a reader would run it: real pictures, real text, real training, two minutes at most. */
const example = async (): Promise<string[]> =>
  (await run(process.execPath, [...fromSource, script, 'smoke', folder])).stdout.split('\n');

describe('examples/full-study', () => {
  it('runs the whole study, and a second time finds everything done', { timeout: 240_000 }, async () => {
    const first = await example();
    const finished = first.filter((line) => line.startsWith('done'));
    expect(finished.some((line) => line.includes('finetune/branch-100'))).toBe(true);
    expect(first.filter((line) => /^branch-\d+: open questions/.test(line))).toHaveLength(3);
    const second = await example();
    expect(second.filter((line) => line.startsWith('done'))).toEqual([]);
    expect(second.filter((line) => line.startsWith('branch-'))).toEqual(
      first.filter((line) => line.startsWith('branch-')),
    );
  });

  it('accounts for every token and shows every score with its interval and baselines', async () => {
    const results = JSON.parse(
      await readFile(join(folder, 'reports', 'smoke', 'results.json'), 'utf8'),
    ) as StudyResults;
    for (const model of results.models.filter(({ arm }) => arm)) {
      for (const { plannedTokens, deliveredTokens } of model.accounts) {
        // The mixture is never further from its target than the largest item.
        expect(Math.abs(deliveredTokens - plannedTokens)).toBeLessThan(1000);
      }
      const of = (condition: string) =>
        model.scores.find(
          (row) =>
            row.task === 'open-vqa' &&
            row.split === 'new-scene' &&
            row.type === 'all' &&
            row.condition === condition &&
            row.metric === 'accuracy',
        );
      for (const condition of ['image', 'no-image', 'wrong-image', 'majority', 'chance'])
        expect(of(condition), condition).toBeDefined();
      expect(of('image')!.low).toBeLessThanOrEqual(of('image')!.value);
      expect(of('image')!.n).toBe(of('no-image')!.n);
    }
  });

  it('leaves a report that needs nothing beside it', async () => {
    const page = await readFile(join(folder, 'reports', 'smoke', 'report.html'), 'utf8');
    expect(page).toContain('What cannot be concluded');
    expect(page.match(/<svg/g)!.length).toBeGreaterThanOrEqual(6);
    expect(page).not.toMatch(/<(script|link)\b(?![^>]*href="data:)/);
    expect(page).not.toMatch(/src="(?!data:)/);
  });

  it('compares two models question by question, pictures included', async () => {
    const study = expandStudy(await loadRecipe('smoke'));
    const store = await openStore(folder);
    const page = await readFile(await writeDuelPage(study, store, 'branch-0', 'branch-50'), 'utf8');
    expect(page.match(/data:image\/png;base64,/g)!.length).toBeGreaterThan(10);
    expect(page).toContain('branch-0</span> against');
    await expect(writeDuelPage(study, store, 'brnch-0', 'branch-50')).rejects.toThrow(/did you mean "branch-0"/);
  });
});
