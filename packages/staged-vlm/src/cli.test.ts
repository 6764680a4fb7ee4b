import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openStore } from '@vlm/study';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const cli = fileURLToPath(new URL('cli.ts', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
  await openStore(join(folder, '.staged-vlm')); // Where a study was begun.
  await writeFile(join(folder, 'a-file'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function staged(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', tsx, '--conditions=@vlm/source', cli, ...argv],
      { cwd: folder },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

describe('staged-vlm', { timeout: 60_000 }, () => {
  it('plans a preset: phases, tokens, compute, memory, time', async () => {
    const { code, stdout } = await staged('study', 'plan', 'paper-1b');
    expect(code).toBe(0);
    expect(stdout).toMatch(/main\/seed-124\/step-\d+\s+[\d.]+G tokens/);
    expect(stdout).toMatch(/1\.4\dG parameters/);
  });

  it("compares both engines with OpenLM's own numbers", async () => {
    const file = fileURLToPath(new URL('../../model/fixtures/openlm-tiny.safetensors', import.meta.url));
    const { code, stdout } = await staged('doctor', '--golden', file);
    expect(code).toBe(0);
    for (const engine of ['onnx', 'tfjs']) {
      for (const quantity of ['logits', 'loss', 'gradients', 'weights']) {
        expect(stdout).toMatch(new RegExp(`^✓ ${engine}\\S* +${quantity} +\\d\\.\\de-\\d+ `, 'm'));
      }
    }
    const missing = await staged('doctor', '--golden', 'nowhere.safetensors');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/nowhere\.safetensors/);
  });

  it('prints a recipe that it accepts, and names what is wrong with a changed one', async () => {
    const { stdout } = await staged('study', 'plan', 'smoke', '--recipe-json');
    const recipe = JSON.parse(stdout);
    const file = join(folder, 'mine.json');
    await writeFile(file, JSON.stringify({ ...recipe, name: 'mine' }));
    expect((await staged('study', 'plan', file)).code).toBe(0);
    await writeFile(file, JSON.stringify({ ...recipe, main: { ...recipe.main, token: 5 } }));
    const wrong = await staged('study', 'plan', file);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('main: unknown key "token"; did you mean "tokens"?');
    expect(wrong.stderr).not.toContain('    at ');
  });

  it.each([
    ['a preset that is not there', ['study', 'run', 'quik'], /did you mean "quick"/],
    ['an unknown flag', ['study', 'run', 'quick', '--worker', '2'], /unknown option '--worker'/],
    ['a number that is none', ['study', 'run', 'quick', '--workers', 'two'], /whole number/],
    [
      'the report of a study that did not run',
      ['study', 'report', 'smoke'],
      /15 of 15 phases.*not done yet; run the study first\.\n {2}npx staged-vlm study run smoke\n/,
    ],
    [
      'a model that is not there',
      ['ask', 'branch-8', '-', 'What is this?'],
      /no model "branch-8"; did you mean "branch-/,
    ],
    ['a queue without a Redis', ['study', 'status', 'smoke', '--executor', 'bullmq'], /--redis redis:\/\/host:6379/],
    [
      'a password on the command line',
      ['worker', '--store', 'x', '--redis', 'redis://ann:hunter2@host'],
      /^(?!.*hunter2).*STAGED_VLM_REDIS_PASSWORD/s,
    ],
    ['an arm that is not there', ['study', 'run', 'smoke', '--only', 'branch-51'], /did you mean "branch-50"/],
    [
      'a model to compare that is not there',
      ['study', 'compare', 'branch-51', 'branch-0', 'smoke'],
      /mean "branch-50"/,
    ],
    [
      'a part of a study for workers elsewhere',
      ['study', 'run', 'smoke', '--only', 'branch-50', '--executor', 'bullmq'],
      /--only is an option of --executor local and does nothing with bullmq/,
    ],
    ['a hand-over to nobody', ['study', 'run', 'smoke', '--detach'], /--detach is an option of --executor bullmq/],
    ['labels for this machine', ['study', 'run', 'smoke', '--label', 'main=gpu'], /--label is an option of .* bullmq/],
    [
      'a misspelt kind of phase',
      ['study', 'run', 'smoke', '--executor', 'bullmq', '--label', 'brnch=gpu'],
      /no kind of phase "brnch"\. Kinds: .*branch/,
    ],
    [
      'options of sbatch for no kind of phase',
      ['study', 'run', 'smoke', '--executor', 'slurm', '--sbatch', 'brnch=--gres=gpu:1'],
      /no kind of phase "brnch"\. Kinds: .*all\./,
    ],
    [
      'two forms of one report',
      ['study', 'report', 'smoke', '--json', '--partial'],
      /'--json' cannot be used with .*'--partial'/,
    ],
    ['a port that is none', ['study', 'watch', 'smoke', '--port', '99999'], /from 0 \(any free port\) to 65535/],
    [
      'a store that is a file',
      ['study', 'plan', 'smoke', '--store', 'a-file'],
      /Expected a folder in .*a-file, got a file/,
    ],
    [
      'a picture that is not there',
      ['ask', 'branch-0', 'nowhere.png', 'What?', '--recipe', 'smoke'],
      /Cannot read the picture nowhere\.png \(ENOENT\)/,
    ],
    ['a phase that is not there', ['study', 'logs', 'main/7', 'smoke'], /no phase "main\/7" in recipe smoke/],
    ['a model that is not trained', ['ask', 'branch-80', '-', 'What is this?'], /branch-80\/seed-124: not trained yet/],
    [
      'a model of a sweep',
      ['ask', 'ratio-10', '-', 'What?', '--sweep', 'ratio'],
      /ratio-10\/seed-124: not trained yet/,
    ],
    [
      'a model that learned no conversations',
      ['ask', 'text-model', '-', 'What?'],
      /learned no conversations.*an arm can/,
    ],
  ])('says what to do about %s', async (_, argv, message) => {
    const { code, stderr } = await staged(...argv);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it('goes on where nobody reads any more', async () => {
    const argv = ['--import', tsx, '--conditions=@vlm/source', cli, 'study', 'run', 'quik'];
    const child = spawn(process.execPath, argv, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.destroy();
    expect(await once(child, 'exit')).toEqual([1, null]);
    const plan = spawn(process.execPath, [...argv.slice(0, 5), 'plan', 'paper-1b'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    plan.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    plan.stdout.destroy();
    expect([await once(plan, 'exit'), said]).toEqual([[0, null], '']);
  });

  it('has a worker wait for a Redis that is away, until it is stopped', async () => {
    const worker = spawn(
      process.execPath,
      [
        '--import',
        tsx,
        '--conditions=@vlm/source',
        cli,
        'worker',
        '--store',
        'waiting',
        '--redis',
        'redis://127.0.0.1:1',
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    worker.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    await expect
      .poll(() => said, { timeout: 40_000 })
      .toMatch(/redis:\/\/127\.0\.0\.1:1 .*ECONNREFUSED.*Waiting for it/);
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
  });
});
