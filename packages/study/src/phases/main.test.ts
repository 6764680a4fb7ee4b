/** Pieces of a text run: other studies have the same piece behind other cuts, and must find the same in it. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { leftOutFile } from '../data/skip-policy.ts';
import { executeStudy } from '../execute-study.ts';
import { expandStudy, type Phase, type Study, stepsBefore } from '../graph.ts';
import { presets } from '../presets/index.ts';
import type { Arm, Recipe } from '../recipe.ts';
import { phaseReader } from '../report/read-phases.ts';
import { runPhase } from '../run-phase.ts';
import { openStore, type Store } from '../store.ts';
import { createWatcher } from '../watch/watch-state.ts';
import { metricsFile } from './train-phase.ts';

const recipe: Recipe = presets['smoke']!;
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const branchAt = (branchPoint: number): Arm => ({ id: `at-${branchPoint}`, branchPoint, schedule: 'rewarm' });
const textRuns = (points: readonly number[]): Study => {
  const whole = expandStudy({ ...recipe, arms: points.map(branchAt) });
  return { ...whole, phases: whole.phases.filter(({ kind }) => ['corpus', 'tokenizer', 'main'].includes(kind)) };
};
const lastPiece = ({ phases }: Study): Phase => phases.findLast(({ kind }) => kind === 'main')!;

async function run(study: Study, store: Store): Promise<string[]> {
  const begun: string[] = [];
  await executeStudy(study, {
    store,
    runner: { run: (phase, of, hooks) => runPhase(phase, of, store, hooks) },
    concurrency: 1,
    estimate: () => 1,
    onEvent: (event) => event.type === 'phase-started' && begun.push(event.phase.id),
  });
  return begun;
}

it('has the metrics of every step from the first, wherever it was cut', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'main-'));
  folders.push(folder);
  const store = await openStore(folder);
  const cut = textRuns([0.5, 1]);
  const uncut = textRuns([1]);
  await run(cut, store);
  expect(await run(uncut, store)).toEqual([]);
  const end = lastPiece(uncut);
  expect(end.hash).toBe(lastPiece(cut).hash);

  const text = await readFile(join(store.phaseDirectory(end), metricsFile), 'utf8');
  const steps = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { step: number }).step);
  const last = end.settings['toStep'] as number;
  expect(steps).toEqual(Array.from({ length: last }, (_, i) => i + 1));

  const withModels = (points: number[]): Study => expandStudy({ ...recipe, arms: points.map(branchAt) });
  const [curve, curveOfCut] = await Promise.all(
    [withModels([1]), withModels([0.5, 1])].map((study) => phaseReader(study, store).mainCurves()),
  );
  expect(curve![0]!.points).toHaveLength(last);
  expect(curveOfCut).toEqual(curve);

  const { curves } = await createWatcher(withModels([0.5, 1]), store)();
  expect(curves.flatMap(({ points }) => points.map(([step]) => step))).toEqual(steps);

  // Stores of before have in each piece its own steps alone.
  const own = text.split('\n').slice(stepsBefore(cut, lastPiece(cut)));
  await writeFile(join(store.phaseDirectory(end), metricsFile), own.join('\n'));
  expect(await phaseReader(withModels([0.5, 1]), store).mainCurves()).toEqual(curve);
});

it('counts what was left out before it once, and once for all its pieces', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'main-'));
  folders.push(folder);
  const store = await openStore(folder);
  const study = textRuns([0.5, 1]);
  const end = lastPiece(study);
  const begin = study.phases.find(({ kind }) => kind === 'main')!;
  await run({ ...study, phases: study.phases.filter((phase) => phase.kind !== 'main' || phase === begin) }, store);
  const leftOut = JSON.stringify({ what: 'faults of shards', message: 'a shard' });
  await appendFile(join(store.phaseDirectory(begin), leftOutFile), `${leftOut}\n`);
  await run(study, store);
  const half = study.phases.find(({ id }) => id === end.continues)!;
  expect((await store.record(half))!.summary['skipped']).toEqual({ 'faults of shards': 1 });
  const whole = expandStudy({ ...recipe, arms: [branchAt(0.5), branchAt(1)] });
  expect(await phaseReader(whole, store).skipped()).toEqual({ [`${end.id}: faults of shards`]: 1 });
});
