import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '@vlm/model';
import { expandStudy, openStore, presets, type Recipe } from '@vlm/study';
import { Command } from 'commander';

/**
 * Kills a study again and again with SIGKILL, the whole process group at random moments, and compares the weights it ends with to those of
 * one that was left alone. `npm run chaos -- --kills 10`
 */
const options = new Command('chaos')
  .option('--kills <n>', 'how often to kill', Number, 10)
  .option('--seed <n>', 'of the moments', Number, 1)
  .option('--keep', 'keep both stores')
  .parse()
  .opts<{ kills: number; seed: number; keep?: boolean }>();

const smoke = presets['smoke']!;
/** One arm, long enough for many kills to fall into its training. */
const recipe: Recipe = {
  ...smoke,
  name: 'chaos',
  main: { ...smoke.main, tokens: 200_000 },
  branch: { ...smoke.branch, tokens: 200_000 },
  arms: smoke.arms.slice(1),
  finetune: { ...smoke.finetune, epochs: 20 },
};

const cli = new URL('../packages/staged-vlm/dist/cli.js', import.meta.url).pathname;
const folder = await mkdtemp(join(tmpdir(), 'chaos-'));
const recipeFile = join(folder, 'chaos.json');
await writeFile(recipeFile, JSON.stringify(recipe));
const random = createRandom(options.seed);

const startMs = Date.now();
await run(join(folder, 'undisturbed'));
const undisturbedSeconds = (Date.now() - startMs) / 1000;
console.log(`undisturbed: ${undisturbedSeconds.toFixed(1)} s`);

// The corpus is built in one piece; with it in place the kills fall into training. Together they take about as long as the run itself.
await copyCorpus(join(folder, 'undisturbed'), join(folder, 'killed'));
const longestMs = Math.min(0.35 * undisturbedSeconds, (2 * undisturbedSeconds) / options.kills) * 1000;
let kills = 0;
for (;;) {
  const afterMs = kills < options.kills ? 500 + random.uniform() * longestMs : undefined;
  const isDone = await run(join(folder, 'killed'), afterMs);
  if (isDone) break;
  kills++;
  console.log(`kill ${kills} after ${(afterMs! / 1000).toFixed(1)} s: ${await finishedPhases(join(folder, 'killed'))}`);
}

const [expected, got] = [await fingerprints(join(folder, 'undisturbed')), await fingerprints(join(folder, 'killed'))];
const different = [...expected].filter(([id, hash]) => got.get(id) !== hash).map(([id]) => id);
for (const [id, hash] of expected)
  console.log(`${got.get(id) === hash ? 'same bits' : 'DIFFERENT'}  ${hash.slice(0, 16)}  ${id}`);
if (options.keep) console.log(folder);
else await rm(folder, { recursive: true, force: true });
console.log(
  `${kills} kills, ${different.length === 0 ? 'all weights bit-equal' : `${different.length} phases differ`}`,
);
if (different.length > 0 || kills < options.kills) process.exitCode = 1;

/** Runs the study in a process group of its own; true if it came to its end, false if it was killed. */
function run(store: string, killAfterMs?: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'study', 'run', recipeFile, '--store', store], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const timer =
      killAfterMs === undefined ? undefined : setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), killAfterMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL') resolve(false);
      else if (code === 0) resolve(true);
      else reject(new Error(`The study ended with code ${code}.`));
    });
  });
}

async function copyCorpus(from: string, to: string): Promise<void> {
  const corpus = expandStudy(recipe).phases.find((phase) => phase.kind === 'corpus')!;
  const [source, target] = [await openStore(from), await openStore(to)];
  await cp(source.phaseDirectory(corpus), target.phaseDirectory(corpus), { recursive: true });
}

async function finishedPhases(directory: string): Promise<string> {
  const store = await openStore(directory);
  const { phases } = expandStudy(recipe);
  const records = await Promise.all(phases.map((phase) => store.record(phase)));
  return `${records.filter(Boolean).length} of ${phases.length} phases done`;
}

/** SHA-256 over the final weights and moments of every training phase. */
async function fingerprints(directory: string): Promise<Map<string, string>> {
  const store = await openStore(directory);
  const hashes = new Map<string, string>();
  for (const phase of expandStudy(recipe).phases) {
    const checkpoint = join(store.phaseDirectory(phase), 'checkpoints', 'named-final');
    const files = await readdir(checkpoint).catch(() => []);
    const hash = createHash('sha256');
    for (const file of files.filter((name) => name.endsWith('.safetensors')).sort())
      hash.update(await readFile(join(checkpoint, file)));
    if (files.length > 0) hashes.set(phase.id, hash.digest('hex'));
  }
  return hashes;
}
