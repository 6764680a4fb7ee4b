import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pruneCheckpoints } from './prune-checkpoints.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prune-'));
  for (const name of ['step-000000010', 'step-000000020']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'weights.safetensors'), 'x'.repeat(50));
  }
});
afterEach(() => rm(folder, { recursive: true }));

it('leaves the named checkpoint alone, and says what went', async () => {
  await mkdir(join(folder, 'named-final'));
  expect(await pruneCheckpoints(folder)).toBe(2);
  expect(await readdir(folder)).toEqual(['named-final']);
});

it('touches nothing of a phase that has not left its named checkpoint', async () => {
  expect(await pruneCheckpoints(folder)).toBe(0);
  expect((await readdir(folder)).length).toBe(2);
});
