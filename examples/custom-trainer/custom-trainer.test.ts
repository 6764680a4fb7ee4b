import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readSafetensors } from '@vlm/model';
import { afterAll, beforeAll, expect, it } from 'vitest';

const command = [
  '--import',
  'tsx',
  '--conditions=@vlm/source',
  fileURLToPath(new URL('main.ts', import.meta.url)),
] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'custom-trainer-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const train = async (name: string): Promise<string> =>
  (await promisify(execFile)(process.execPath, [...command, join(folder, name), '60'])).stdout;

/** Starts a run and presses Ctrl-C at its first line. */
async function trainAndStop(name: string): Promise<void> {
  const child = spawn(process.execPath, [...command, join(folder, name), '60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.once('data', () => child.kill('SIGINT'));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect(code).toBe(0);
}

const weights = async (name: string): Promise<Buffer> => {
  const checkpoints = join(folder, name, 'checkpoints');
  expect(await readdir(checkpoints)).toContain('step-000000060');
  return readFile(join(checkpoints, 'step-000000060', 'weights.safetensors'));
};

it('learns, can be stopped, and ends with the bits of a run that was not', { timeout: 120_000 }, async () => {
  const output = await train('whole');
  const losses = [...output.matchAll(/loss (\S+)/g)].map((match) => Number(match[1]));
  expect(losses).toHaveLength(3);
  expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  await trainAndStop('stopped');
  await train('stopped');
  const whole = await weights('whole');
  expect((await weights('stopped')).equals(whole)).toBe(true);
  const names = [...readSafetensors(new Uint8Array(whole)).tensors.keys()];
  expect(names.some((name) => name.startsWith('projector.'))).toBe(true);
  expect((await readdir(join(folder, 'stopped', 'tensorboard'))).length).toBe(2);
});
