import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expandStudy } from './graph.ts';
import { appendPhaseLog, loggedFailure } from './phase-log.ts';
import { presets } from './presets/index.ts';
import { openStore, type Store } from './store.ts';
import { StudyError } from './study-error.ts';

const phase = expandStudy(presets['smoke']!).phases[0]!;
let store: Store;
beforeEach(async () => {
  store = await openStore(await mkdtemp(join(tmpdir(), 'phase-log-')));
});
afterEach(() => rm(store.directory, { recursive: true }));
const log = (message: string): Promise<void> => appendPhaseLog(store.phaseDirectory(phase), message);

describe('loggedFailure', () => {
  it('is the last word of a phase that failed, without its stack, and counts those before', async () => {
    expect(await loggedFailure(store, phase)).toBeUndefined();
    await log('corpus begins or goes on');
    await log(`failed: ${new Error('first').stack}`);
    await log('corpus begins or goes on');
    expect(await loggedFailure(store, phase)).toBeUndefined();
    await log(`failed: ${new StudyError('bad-data', 'two lines:\n  - of it').stack}`);
    const failure = await loggedFailure(store, phase);
    expect(failure).toMatchObject({ message: 'two lines:\n  - of it', failures: 2 });
    expect(Date.parse(failure!.at)).toBeLessThanOrEqual(Date.now());
  });

  it('is none where the phase was stopped', async () => {
    await log('failed: Error: first');
    await log('stopped: on request');
    expect(await loggedFailure(store, phase)).toBeUndefined();
  });
});
