/** One study kept in a folder and in S3, there by two machines in turns: the same report, to the last digit. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasTestS3, startTestS3, type TestS3 } from '../../../store-s3/src/testing/s3-server.ts';
import { executeStudy } from '../execute-study.ts';
import type { PhaseRunner } from '../executor.ts';
import { expandStudy, type Study } from '../graph.ts';
import { parseRecipe } from '../parse-recipe.ts';
import { runPhase } from '../run-phase.ts';
import { openStore, type Store } from '../store.ts';
import { realFormatsRecipe, writeRealFormats } from '../testing/real-formats.ts';
import { filesIn } from './phase-files.ts';

const isThere = await hasTestS3();
if (!isThere) it.skip('S3: the package @20minutes/s3rver is not installed', () => {});

/** Files that tell how long phases took and where. Of `results.json` the rest is compared. */
const ofTheCourse = new Set(['report.html', 'report.md', 'phases.csv', 'results.json', 'phase.json', 'log.txt']);

describe.runIf(isThere)('results', { timeout: 240_000 }, () => {
  let folder: string;
  let s3: TestS3;
  let study: Study;
  let inFolder: Store;
  let inS3: Store;
  const run = (stores: readonly Store[]): Promise<unknown> => {
    let turn = 0;
    const runner: PhaseRunner = {
      run: (phase, of, hooks) => runPhase(phase, of, stores[turn++ % stores.length]!, hooks),
    };
    return executeStudy(study, { store: stores[0]!, runner, concurrency: 1, estimate: () => 1 });
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'same-report-'));
    s3 = await startTestS3();
    for (const [name, value] of Object.entries({ ...s3.env, AWS_ENDPOINT_URL: s3.endpoint })) vi.stubEnv(name, value);
    study = expandStudy(parseRecipe(realFormatsRecipe(await writeRealFormats(join(folder, 'data')))));
    inFolder = await openStore(join(folder, 'store'));
    await run([inFolder]);
    const machine = (name: string): Promise<Store> =>
      openStore('s3://lab/studies', { cacheDirectory: join(folder, name) });
    await run([await machine('a'), await machine('b')]);
    inS3 = await machine('reader');
  }, 240_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await s3?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const report = () => study.phases.find(({ kind }) => kind === 'report')!;
  const read = (store: Store, path: string): Promise<Buffer> => readFile(join(store.phaseDirectory(report()), path));

  it('are the same in results.json, but for times and memory', async () => {
    await inS3.fetch(report());
    const [a, b] = await Promise.all(
      [inFolder, inS3].map(async (store) => JSON.parse((await read(store, 'results.json')).toString('utf8'))),
    );
    for (const { phases } of [a, b]) {
      expect(phases.length).toBe(study.phases.length - 1);
      for (const phase of phases) {
        for (const figure of ['seconds', 'peakBytes']) {
          expect(phase[figure]).toBeGreaterThan(0);
          delete phase[figure];
        }
      }
    }
    expect(a.models[0].scores.length).toBeGreaterThan(10);
    expect(JSON.stringify(a)).toBe(JSON.stringify(b));
  });

  it('are the same bytes in every table, figure and picture', async () => {
    await inS3.fetch(report());
    const files = await filesIn(inFolder.phaseDirectory(report()));
    expect(await filesIn(inS3.phaseDirectory(report()))).toEqual(files.filter((path) => path !== 'phase.json'));
    const compared = files.filter((path) => !ofTheCourse.has(path));
    expect(compared).toEqual(expect.arrayContaining(['scores.csv', 'comparisons.csv', 'tokens.csv', 'curves.csv']));
    for (const path of compared) {
      const [a, b] = await Promise.all([read(inFolder, path), read(inS3, path)]);
      expect(a.equals(b), path).toBe(true);
      expect(b.equals((await inS3.readShared(`reports/real/${path}`))!), path).toBe(true);
    }
  });
});
