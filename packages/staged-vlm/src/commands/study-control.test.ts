import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendPhaseLog, expandStudy, loadRecipe, openStore, type Store, type Study } from '@vlm/study';
import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { askCommand } from './ask.ts';
import { compareCommand, reportCommand } from './study.ts';
import { cancelCommand, logsCommand, retryCommand, statusCommand } from './study-control.ts';
import { commandFor } from './study-options.ts';

let folder: string;
let store: Store;
let study: Study;
/** What was printed since it was asked last. */
function said(): string[] {
  const lines = [console.log, console.error].flatMap((print) => vi.mocked(print).mock.calls.map(String));
  for (const print of [console.log, console.error]) vi.mocked(print).mockClear();
  return lines;
}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-'));
  store = await openStore(join(folder, 'my store'));
  study = expandStudy(await loadRecipe('smoke'));
});
afterEach(async () => {
  said(); // Commands print; what they printed is not the libraries'.
  await rm(folder, { recursive: true });
});

const run = (command: Command, ...argv: string[]): Promise<unknown> => command.parseAsync(argv, { from: 'user' });
const commands: [name: string, make: () => Command, ...argv: string[]][] = [
  ['status', statusCommand, 'smoke'],
  ['logs', logsCommand, 'corpus', 'smoke'],
  ['cancel', cancelCommand, 'smoke'],
  ['retry', retryCommand, 'smoke'],
  ['report', reportCommand, 'smoke'],
  ['compare', compareCommand, 'branch-0', 'branch-50', 'smoke'],
  ['ask', askCommand, 'branch-0', '-', 'What?', '--recipe', 'smoke'],
];

describe('commands about a study', () => {
  it.each(commands)('%s says that there is no store, and makes none', async (_, make, ...argv) => {
    const nowhere = join(folder, 'nowhere');
    await expect(run(make(), ...argv, '--store', nowhere, '--sweep', 'epochs')).rejects.toMatchObject({
      code: 'no-store',
      message: expect.stringContaining(`\`npx staged-vlm study run smoke --sweep epochs --store ${nowhere}\``),
    });
    expect(existsSync(nowhere)).toBe(false);
  });

  it.each(commands.slice(4))('%s says with which command the study is run', async (_, make, ...argv) => {
    await expect(run(make(), ...argv, '--store', store.directory, '--sweep', 'epochs')).rejects.toMatchObject({
      code: 'not-finished',
      message: expect.stringMatching(
        `run the study first\\.\\n  npx staged-vlm study run smoke --sweep epochs --store '${store.directory}'$`,
      ),
    });
  });

  it('name a recipe as it was typed', () => {
    expect(commandFor('study run', 'my recipes/it’s.json', { store: '.staged-vlm' })).toBe(
      "npx staged-vlm study run 'my recipes/it’s.json'",
    );
    expect(commandFor('study run', "a'b", { store: 's3://lab/x' })).toBe(
      "npx staged-vlm study run 'a'\\''b' --store s3://lab/x",
    );
  });

  it('show in a new process what failed, and say who tries it again', async () => {
    const [corpus] = study.phases;
    const here = ['smoke', '--store', store.directory];
    await run(retryCommand(), ...here);
    expect(said()).toEqual(['No phase had failed.']);
    await appendPhaseLog(store.phaseDirectory(corpus!), 'failed: StudyError: no such shard\n    at x.ts:1');
    await run(statusCommand(), ...here);
    expect(said().join('\n')).toMatch(
      /corpus +failed .*1 failed attempt .*0 of 15 phases done, 1 failed\..*\ncorpus: no such shard$/s,
    );
    await run(retryCommand(), ...here);
    expect(said()).toEqual([
      `Failed: corpus. On this machine a run tries them again by itself: \`npx staged-vlm study run smoke --store '${store.directory}'\`.`,
    ]);
  });

  it('cancel nothing where nothing runs, and say so', async () => {
    await run(cancelCommand(), 'smoke', '--store', store.directory);
    expect(said()).toEqual(['Nothing to cancel: nobody runs this study.']);
  });
});
