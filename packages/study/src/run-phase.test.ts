import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { thisHolder } from '@vlm/trainer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expandStudy, type Phase, type Study } from './graph.ts';
import { parseRecipe } from './parse-recipe.ts';
import { runPhase } from './run-phase.ts';
import { openStore, type Store } from './store.ts';
import { realFormatsRecipe, writeRealFormats } from './testing/real-formats.ts';

let folder: string;
let store: Store;
let study: Study;
let corpus: Phase;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-phase-'));
  store = await openStore(join(folder, 'store'));
  study = expandStudy(parseRecipe(realFormatsRecipe(await writeRealFormats(join(folder, 'data')))));
  corpus = study.phases.find(({ kind }) => kind === 'corpus')!;
});
afterEach(() => rm(folder, { recursive: true }));

const hooks = { signal: new AbortController().signal, onProgress: () => {}, onWarning: () => {} };

describe('runPhase', () => {
  const here = { ...thisHolder(), pid: process.ppid };
  it.each([
    ['', false],
    ['{"pid":1,"ho', false],
    ['null', false],
    ['{"pid":1,"host":"lost"}', false],
    [JSON.stringify({ ...here, processes: 'another boot' }), false],
    [JSON.stringify(here), true],
  ])('drops a lock of checkpoints that nobody here can hold, and no other: %j', async (text, stays) => {
    const lock = join(store.phaseDirectory(corpus), 'checkpoints', '.lock.json');
    await mkdir(dirname(lock), { recursive: true });
    await writeFile(lock, text);
    await runPhase(corpus, study, store, hooks);
    expect(existsSync(lock)).toBe(stays);
  });
});
