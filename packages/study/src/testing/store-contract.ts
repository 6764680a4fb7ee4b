import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { expandStudy, type Phase } from '../graph.ts';
import { presets } from '../presets/index.ts';
import { filesIn, isResult } from '../store/phase-files.ts';
import type { PhaseRecord, Store } from '../store.ts';

export const contractStudy = expandStudy(presets['smoke']!);
export const contractPhase: Phase = contractStudy.phases.find(({ kind }) => kind === 'main')!;
export const recordOf = (
  summary: Record<string, unknown> = {},
): Omit<PhaseRecord, 'id' | 'kind' | 'hash' | 'files'> => ({
  finishedAt: 'now',
  seconds: 2,
  peakBytes: 3,
  summary,
});

/** Opens the store under test as one more machine would: with local folders of its own, where the kind of store has any. */
export type OpenMachine = () => Promise<Store>;

export async function writeFiles(
  store: Store,
  files: Record<string, string>,
  phase: Phase = contractPhase,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(store.phaseDirectory(phase), path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

export async function readFiles(store: Store, phase: Phase = contractPhase): Promise<Record<string, string>> {
  const directory = store.phaseDirectory(phase);
  const paths = (await filesIn(directory)).filter(isResult);
  const contents = await Promise.all(paths.map((path) => readFile(join(directory, path), 'utf8')));
  return Object.fromEntries(paths.map((path, i) => [path, contents[i]!]));
}

/** What every store keeps. Each test begins with an empty store. */
export function storeContract(machine: OpenMachine): void {
  const phase = contractPhase;
  const result = { 'metrics.jsonl': '{"step":1}\n', 'checkpoints/named-final/weights': 'w'.repeat(100), empty: '' };

  it('shows a finished phase whole to every machine, and nothing before', async () => {
    const a = await machine();
    const b = await machine();
    expect(await b.record(phase)).toBeUndefined();
    await expect(b.fetch(phase)).rejects.toMatchObject({
      code: 'not-finished',
      message: expect.stringContaining(phase.hash),
    });
    await writeFiles(a, result);
    expect(await b.record(phase)).toBeUndefined();
    const record = await a.finish(phase, recordOf({ tokens: 5 }));
    expect(record).toMatchObject({
      id: phase.id,
      kind: phase.kind,
      hash: phase.hash,
      seconds: 2,
      summary: { tokens: 5 },
    });
    expect(await b.record(phase)).toEqual(record);
    await (await b.fetch(phase))();
    expect(await readFiles(b)).toEqual(result);
  });

  it('lets the first record of two writers stand, and mixes no files', async () => {
    const [a, b, c] = [await machine(), await machine(), await machine()];
    await writeFiles(a, { from: 'a', 'only-a': '1' });
    if (b.directory !== a.directory) await writeFiles(b, { from: 'b', 'only-b': '2' });
    const [one, other] = await Promise.all([
      a.finish(phase, recordOf({ by: 'a' })),
      b.finish(phase, recordOf({ by: 'b' })),
    ]);
    expect(one).toEqual(other);
    const by = one!.summary['by'] as string;
    await c.fetch(phase);
    if (b.directory !== a.directory) {
      expect(await readFiles(c)).toEqual({ from: by, [`only-${by}`]: by === 'a' ? '1' : '2' });
      for (const store of [a, b]) {
        await store.fetch(phase);
        expect((await readFiles(store))['from']).toBe(by);
      }
    }
    expect(await c.finish(phase, recordOf({ by: 'late' }))).toEqual(one);
  });

  it('gives a phase to one worker at a time, who comes later waits, and hears when it is done', async () => {
    const [a, b] = [await machine(), await machine()];
    const claim = (await a.claim(phase))!;
    expect(claim.token).toBeGreaterThan(0);
    expect(await b.claimant(phase)).toMatchObject({ pid: process.pid });
    const held: number[] = [];
    const waiting = b.claim(phase, { onHeld: ({ pid }) => held.push(pid) });
    await sleep(50);
    await writeFiles(a, result);
    await a.finish(phase, recordOf());
    await claim.release();
    expect(await waiting).toBeUndefined();
    expect(held[0]).toBe(process.pid);
    expect(await b.claim(phase)).toBeUndefined();
    expect(await (await machine()).claimant(phase)).toBeUndefined();
  });

  it('gives a released phase to the next, with a higher number', async () => {
    const [a, b] = [await machine(), await machine()];
    const first = (await a.claim(phase))!;
    await first.release();
    const second = (await b.claim(phase))!;
    expect(second.token).toBeGreaterThan(first.token);
    await second.release();
  });

  it('stops waiting when it is told to', async () => {
    const [a, b] = [await machine(), await machine()];
    const claim = (await a.claim(phase))!;
    const abort = new AbortController();
    const waiting = b.claim(phase, { signal: abort.signal });
    setTimeout(() => abort.abort(), 30);
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    await claim.release();
  });

  it('hands the saved progress of a lost worker to the next', async () => {
    const [a, b] = [await machine(), await machine()];
    const claim = (await a.claim(phase))!;
    await a.restoreProgress(phase);
    await writeFiles(a, { 'metrics.jsonl': '1\n', 'checkpoints/step-000000001/w': 'one' });
    await a.saveProgress(phase);
    await writeFiles(a, { 'metrics.jsonl': '1\n2\n', 'checkpoints/step-000000002/w': 'two' });
    await a.saveProgress(phase);
    await claim.release();
    await (await b.claim(phase))!.release();
    await b.restoreProgress(phase);
    const directory = b.phaseDirectory(phase);
    expect(await readFile(join(directory, 'checkpoints/step-000000002/w'), 'utf8')).toBe('two');
    expect(await readFile(join(directory, 'metrics.jsonl'), 'utf8')).toBe('1\n2\n');
    expect(Buffer.from((await b.peek(phase, 'metrics.jsonl'))!).toString()).toBe('1\n2\n');
  });

  it('shows one file of a phase without fetching the rest', async () => {
    const [a, b] = [await machine(), await machine()];
    expect(await b.peek(phase, 'metrics.jsonl')).toBeUndefined();
    await writeFiles(a, result);
    await a.finish(phase, recordOf());
    expect(Buffer.from((await b.peek(phase, 'metrics.jsonl'))!).toString()).toBe(result['metrics.jsonl']);
    expect(await b.peek(phase, 'nothing')).toBeUndefined();
  });

  it('keeps small files beside the phases', async () => {
    const [a, b] = [await machine(), await machine()];
    expect(await b.readShared('reports/smoke/report.html')).toBeUndefined();
    const path = await a.writeShared('reports/smoke/report.html', '<p>');
    expect(await readFile(path, 'utf8')).toBe('<p>');
    await a.writeShared('reports/smoke/report.html', '<b>');
    expect(Buffer.from((await b.readShared('reports/smoke/report.html'))!).toString()).toBe('<b>');
  });

  it('shows who runs studies, as long as they do', async () => {
    const [a, b] = [await machine(), await machine()];
    expect(await b.runs()).toEqual([]);
    const run = await a.showRun({ study: 'one', machine: 'a big one' });
    const other = await b.showRun({ study: 'other' });
    const seen = await (await machine()).runs();
    expect(seen.map(({ study }) => study).sort()).toEqual(['one', 'other']);
    expect(seen.find(({ study }) => study === 'one')).toMatchObject({ pid: process.pid, machine: 'a big one' });
    run.show({ abc: { fraction: 0.5 } });
    const phasesOfOne = async () => (await b.runs()).find(({ study }) => study === 'one')?.phases;
    await expect.poll(phasesOfOne, { timeout: 5000 }).toEqual({ abc: { fraction: 0.5 } });
    await run.end();
    expect((await b.runs()).map(({ study }) => study)).toEqual(['other']);
    await other.end();
    expect(await a.runs()).toEqual([]);
  });

  it('goes on in the folder that a killed attempt left, where it is as far as what was saved', async () => {
    const a = await machine();
    await writeFiles(a, { 'checkpoints/step-000000001/w': 'one' });
    await a.saveProgress(phase);
    await writeFiles(a, { 'checkpoints/step-000000002/w': 'two, not saved' });
    await a.restoreProgress(phase);
    expect((await filesIn(a.phaseDirectory(phase))).length).toBe(2);
  });

  it('brings back what was lost of a local copy', async () => {
    const [a, b] = [await machine(), await machine()];
    if (a.directory === b.directory) return; // there the folder is the store itself
    await writeFiles(a, result);
    await a.finish(phase, recordOf());
    await b.fetch(phase);
    await rm(join(b.phaseDirectory(phase), 'metrics.jsonl'));
    await b.fetch(phase);
    expect(await readFiles(b)).toEqual(result);
  });
}
