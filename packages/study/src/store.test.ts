import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expandStudy } from './graph.ts';
import { presets } from './presets/index.ts';
import { openStore } from './store.ts';
import { explainFileError } from './study-error.ts';

const phase = expandStudy(presets['smoke']!).phases[0]!;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('openStore', () => {
  it('remembers a finished phase across openings', async () => {
    const store = await openStore(directory);
    expect(await store.record(phase)).toBeUndefined();
    await store.finish(phase, { finishedAt: 'now', seconds: 2, peakBytes: 3, summary: { tokens: 5 } });
    expect(await (await openStore(directory)).record(phase)).toMatchObject({
      id: phase.id,
      hash: phase.hash,
      summary: { tokens: 5 },
    });
  });

  it('refuses a store of another version and says what to do', async () => {
    await openStore(directory);
    await writeFile(join(directory, 'store.json'), '{"storeVersion":99}');
    await expect(openStore(directory)).rejects.toMatchObject({
      code: 'store-version',
      message: expect.stringMatching(/version 1.*got version 99.*--store/s),
    });
  });

  it('refuses a damaged record instead of trusting it', async () => {
    const store = await openStore(directory);
    await store.finish(phase, { finishedAt: '', seconds: 0, peakBytes: 0, summary: {} });
    const file = join(store.phaseDirectory(phase), 'phase.json');
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, 20));
    await expect(store.record(phase)).rejects.toMatchObject({
      code: 'store-damaged',
      message: expect.stringContaining(file),
    });
  });

  it.each(['null', '5', '{"hash":"x"}', '{"hash":"x","summary":null}', '[]'])(
    'takes %s for no record, and says which folder to delete',
    async (text) => {
      const store = await openStore(directory);
      await store.finish(phase, { finishedAt: '', seconds: 0, peakBytes: 0, summary: {} });
      await writeFile(join(store.phaseDirectory(phase), 'phase.json'), text);
      await expect(store.record(phase)).rejects.toMatchObject({
        code: 'store-damaged',
        message: expect.stringContaining(`Delete ${store.phaseDirectory(phase)}, the folder of this one phase`),
      });
    },
  );

  it.each(['', '{"storeV', 'null', '7'])(
    'says of a store.json that holds %j to delete that file alone, and finds everything then',
    async (text) => {
      const store = await openStore(directory);
      await store.finish(phase, { finishedAt: '', seconds: 0, peakBytes: 0, summary: { tokens: 5 } });
      const file = join(directory, 'store.json');
      await writeFile(file, text);
      const error = await openStore(directory).catch((reason: Error) => reason);
      expect(error).toMatchObject({ code: 'store-damaged', message: expect.stringContaining(file) });
      expect((error as Error).message).toMatch(/Delete this one file, not its folder/);
      await rm(file);
      expect(await (await openStore(directory)).record(phase)).toMatchObject({ summary: { tokens: 5 } });
    },
  );

  it('refuses a file, and a folder below one, in the place of its own', async () => {
    const file = join(directory, 'notes.txt');
    await writeFile(file, 'mine');
    for (const place of [file, join(file, 'store')]) {
      await expect(openStore(place)).rejects.toMatchObject({
        code: 'bad-store',
        message: expect.stringMatching(`Expected a folder in ${place}, got a file there or above it.*--store`),
      });
    }
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it('explains a full disk and a read-only folder', async () => {
    // Linux has a device on which every write meets a full disk; elsewhere the same error is made by hand.
    const full = existsSync('/dev/full')
      ? await writeFile('/dev/full', 'x').catch((error: unknown) => error)
      : Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    expect(explainFileError(full, '/x')).toMatchObject({ code: 'no-space', message: expect.stringContaining('/x') });
    const readOnly = Object.assign(new Error('EROFS'), { code: 'EROFS' });
    expect(explainFileError(readOnly, '/x')).toMatchObject({
      code: 'read-only',
      message: expect.stringContaining('--store'),
    });
    for (const code of ['EACCES', 'EPERM', 'EROFS']) {
      const forbidden = (path: string): Error => Object.assign(new Error(code), { code, path });
      expect(explainFileError(forbidden('/store/phases/x/f'), '/store/phases/x', '/store')).toMatchObject({
        code: 'read-only',
      });
      for (const file of ['/data/rows.json', '/store-of-mine/rows.json']) {
        expect(explainFileError(forbidden(file), '/store/phases/x', '/store')).toMatchObject({
          code: 'bad-data',
          message: expect.stringMatching(`^Cannot open ${file} \\(${code}\\)`),
        });
      }
    }
    if (process.getuid?.() !== 0) {
      await chmod(directory, 0o500);
      await expect(openStore(join(directory, 'sub'))).rejects.toMatchObject({ code: 'read-only' });
      await chmod(directory, 0o700);
    }
  });
});
