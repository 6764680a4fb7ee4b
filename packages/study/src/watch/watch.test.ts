import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expandStudy } from '../graph.ts';
import { identityOf } from '../identity.ts';
import { presets } from '../presets/index.ts';
import { reportTwins } from '../report/report-document.ts';
import { writeWhole } from '../store/whole-file.ts';
import { openStore, type Store } from '../store.ts';
import { recordOf } from '../testing/store-contract.ts';
import { type WatchServer, watchStudy } from './watch-server.ts';
import type { WatchState } from './watch-state.ts';

const study = expandStudy({ ...presets['smoke']!, description: 'a <b>bold</b> one' });
const main = study.phases.find(({ kind }) => kind === 'main')!;

let store: Store;
let server: WatchServer;
beforeEach(async () => {
  store = await openStore(await mkdtemp(join(tmpdir(), 'watch-')));
  server = await watchStudy(study, store, 0);
});
afterEach(async () => {
  await server.close();
  await rm(store.directory, { recursive: true });
});

const state = async (): Promise<WatchState> => (await (await fetch(`${server.url}state.json`)).json()) as WatchState;
const stateOf = async (id: string): Promise<WatchState['phases'][number]> =>
  (await state()).phases.find((phase) => phase.id === id)!;

describe('watchStudy', () => {
  it('answers while nothing runs, follows a phase, and knows a stopped one from one under way', async () => {
    expect(await state()).toMatchObject({ running: false, curves: [], scores: [], hasReport: false });
    expect((await stateOf(main.id)).state).toBe('to-do');

    const metrics = join(store.phaseDirectory(main), 'metrics.jsonl');
    await mkdir(store.phaseDirectory(main), { recursive: true });
    await appendFile(metrics, '{"step":1,"loss":6.5}\n{"step":2,"loss":6.25}\n{"step":3,"lo');
    expect(await stateOf(main.id)).toMatchObject({ state: 'stopped', step: 2, loss: 6.25 });

    const claim = (await store.claim(main))!;
    expect((await stateOf(main.id)).state).toBe('under-way');
    expect((await state()).running).toBe(true);
    await appendFile(metrics, 'ss":6}\n');
    expect((await state()).curves[0]!.points).toEqual([
      [1, 6.5],
      [2, 6.25],
      [3, 6],
    ]);
    await claim.release();
    expect((await state()).running).toBe(false);
    const run = await store.showRun({ study: identityOf(study.recipe) });
    expect((await state()).running).toBe(true);
    await run.end();
    await store.finish(main, { finishedAt: '', seconds: 4, peakBytes: 1, summary: {} });
    expect(await stateOf(main.id)).toMatchObject({ state: 'done', seconds: 4, step: 3 });
  });

  it('shows what an executor says of other machines, and goes on with their curves', async () => {
    await mkdir(store.phaseDirectory(main), { recursive: true });
    await appendFile(join(store.phaseDirectory(main), 'metrics.jsonl'), '{"step":1,"loss":6.5}\n');
    let step = 1;
    const other = await watchStudy(study, store, 0, async () => [
      {
        phase: main,
        state: 'running',
        host: 'gpu-3',
        machine: 'gpu-3: EPYC, A100',
        progress: { fraction: 0.5, step: ++step, loss: 6, rate: 1234.5, unit: 'tokens' },
      },
    ]);
    const look = async () => (await (await fetch(`${other.url}state.json`)).json()) as WatchState;
    await look();
    const { running, phases, curves, arms } = await look();
    expect(running).toBe(true);
    const found = phases.find(({ id }) => id === main.id);
    expect(found).toMatchObject({
      ...{ state: 'under-way', host: 'gpu-3', machine: 'gpu-3: EPYC, A100' },
      ...{ step: 3, loss: 6, rate: '1235 tokens/s', fraction: 0.5 },
    });
    expect(found!.secondsLeft).toBeGreaterThan(0);
    const [arm] = arms;
    expect(arm).toMatchObject({ model: 'branch-0/seed-124', at: main.id, done: 0 });
    expect(arm!.secondsLeft).toBeGreaterThan(found!.secondsLeft!);
    expect(curves[0]!.points).toEqual([
      [1, 6.5],
      [2, 6],
      [3, 6],
    ]);
    await other.close();
  });

  it('answers before the scores of every finished evaluation are read: one more at each look', async () => {
    const evaluations = study.phases.filter(({ kind, id }) => kind === 'evaluate' && id.includes('branch-'));
    for (const phase of evaluations) {
      const row = {
        id: 'q',
        task: 'open-vqa',
        split: 'new-scene',
        type: 'name',
        condition: 'image',
        score: 1,
        chance: 0.5,
      };
      const answered = { ...row, prompt: '?', output: 'a', expected: 'a' };
      await writeWhole(join(store.phaseDirectory(phase), 'rows.jsonl'), `${JSON.stringify(answered)}\n`);
      await store.finish(phase, recordOf());
    }
    for (let looks = 1; looks <= evaluations.length + 1; looks++) {
      const { scores, unread } = await state();
      const read = Math.min(looks, evaluations.length);
      expect([new Set(scores.map(({ model }) => model)).size, unread]).toEqual([read, evaluations.length - read]);
      expect(scores[0]).toMatchObject({ measure: 'vision score', value: 50 });
    }
    expect(evaluations.length).toBeGreaterThan(1);
  });

  it('serves its page with what the recipe says as text', async () => {
    const page = await (await fetch(server.url)).text();
    expect(page).toContain('a &lt;b&gt;bold&lt;/b&gt; one');
    expect(page).not.toContain('<b>bold');
  });

  it('serves the report with all that its footer links to, when it is finished', async () => {
    const report = study.phases.find(({ kind }) => kind === 'report')!;
    const files = ['report.html', ...reportTwins, 'figures/headline-1.svg', 'samples/existence-7.png'];
    for (const file of [...files, 'log.txt']) await writeWhole(join(store.phaseDirectory(report), file), `of ${file}`);
    const look = async (path: string) => fetch(`${server.url}report/${path}`);
    expect((await look('report.html')).status).toBe(404); // Half a report is none.
    await store.finish(report, recordOf());
    await store.writeShared('reports/smoke/report.html', 'of another study of this name');
    for (const file of files) {
      const response = await look(file);
      expect([file, response.status, await response.text()]).toEqual([file, 200, `of ${file}`]);
      expect(response.headers.get('content-type')).toMatch(/^(text|image|application)\//);
    }
    expect(files).toEqual(expect.arrayContaining(['report.md', 'comparisons.csv', 'recipe.json']));
    for (const other of ['log.txt', 'phase.json', 'figures/../log.txt']) expect((await look(other)).status).toBe(404);
  });

  it.each(['report/report.html', 'store.json', 'report/../../store.json', 'report/%2e%2e/x'])(
    'has no %s',
    async (path) => {
      expect((await fetch(`${server.url}${path}`)).status).toBe(404);
    },
  );

  it('answers nobody who asks for it under another name', async () => {
    const status = await new Promise((resolve) =>
      get(`${server.url}state.json`, { headers: { host: 'evil.example' } }, ({ statusCode }) => resolve(statusCode)),
    );
    expect(status).toBe(403);
  });

  it('says which port is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(watchStudy(study, store, port)).rejects.toThrow(`port ${port}; choose another with --port`);
  });
});
