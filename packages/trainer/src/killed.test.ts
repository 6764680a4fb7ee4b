import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { killableRun } from './testing/killable-run.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'killed-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Runs in a process of its own, killed without warning once it reports the step; the steps it reported. */
function runUntilKilled(folder: string, atStep: number): Promise<{ steps: number[]; signal: string | null }> {
  const script = fileURLToPath(new URL('./testing/killable-run.ts', import.meta.url));
  const child = fork(script, [folder], { execArgv: ['--import', 'tsx', '--conditions=@vlm/source'] });
  const steps: number[] = [];
  child.on('message', (step: number) => {
    steps.push(step);
    if (step === atStep) child.kill('SIGKILL');
    else child.send('go on');
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (_, signal) => resolve({ steps, signal }));
  });
}

it('a process killed twice and started again ends with the bits of one never touched', async () => {
  const untouched = await killableRun(join(directory, 'untouched'));
  const folder = join(directory, 'killed');
  const first = await runUntilKilled(folder, 4);
  expect(first.signal).toBe('SIGKILL');
  const second = await runUntilKilled(folder, 9);
  expect(second.signal).toBe('SIGKILL');
  // Killed before or after the checkpoint of step 4 was in place: it goes on from there, and does not start again.
  expect([4, 5]).toContain(second.steps[0]);
  const last = await killableRun(folder);
  expect(last.state).toEqual(untouched.state);
  expect(last.train).toEqual(untouched.train);
});
