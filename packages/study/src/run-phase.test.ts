import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  it.each(['', '{"pid":1,"ho', 'null', '{"pid":1,"host":"lost"}'])(
    'is not held up by a lock of checkpoints that a lost machine left: %j',
    async (lock) => {
      const checkpoints = join(store.phaseDirectory(corpus), 'checkpoints');
      await mkdir(checkpoints, { recursive: true });
      await writeFile(join(checkpoints, '.lock.json'), lock);
      expect(await runPhase(corpus, study, store, hooks)).toMatchObject({ id: 'corpus' });
    },
  );
});
