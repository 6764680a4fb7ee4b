import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '@vlm/model';
import { expandStudy, openStore, presets, type Recipe } from '@vlm/study';
import { Command } from 'commander';

/**
 * Kills a study again and again with SIGKILL, the whole process group, and compares the weights it ends with to those of one that was left
 * alone. Every second kill is aimed: from its random moment on it waits until a checkpoint is being written, and strikes up to 8 ms after that
 * began. `npm run chaos -- --kills 10`
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

const expected = await fingerprints(join(folder, 'undisturbed'));
const longestMs = Math.min(0.35 * undisturbedSeconds, (2 * undisturbedSeconds) / options.kills) * 1000;
let kills = 0;
let killsInWrite = 0;
let differing = 0;
for (let round = 1; kills < options.kills; round++) differing += await killedRun(join(folder, `killed-${round}`));

if (options.keep) console.log(folder);
else await rm(folder, { recursive: true, force: true });
const outcome = differing === 0 ? 'all weights bit-equal' : `${differing} phases differ`;
console.log(`${kills} kills, ${killsInWrite} of them while a checkpoint was written: ${outcome}`);
if (differing > 0) process.exitCode = 1;

/** Kills a run until it comes to its end, or there are kills enough and it is left to end. Returns how many phases end with other weights. */
async function killedRun(store: string): Promise<number> {
  // The corpus is built in one piece; with it in place the kills fall into training.
  await copyCorpus(join(folder, 'undisturbed'), store);
  for (;;) {
    const before = new Set(unfinishedWrites(store));
    if (await run(store, kills < options.kills ? nextKill() : undefined)) break;
    kills++;
    const isInWrite = unfinishedWrites(store).some((write) => !before.has(write));
    if (isInWrite) killsInWrite++;
    const where = isInWrite ? 'while a checkpoint was written' : 'between checkpoints';
    console.log(`kill ${kills}, ${where}: ${await finishedPhases(store)}`);
  }
  const got = await fingerprints(store);
  for (const [id, hash] of expected)
    console.log(`${got.get(id) === hash ? 'same bits' : 'DIFFERENT'}  ${hash.slice(0, 16)}  ${id}`);
  return [...expected].filter(([id, hash]) => got.get(id) !== hash).length;
}

function nextKill(): KillPlan {
  const afterMs = 500 + random.uniform() * longestMs;
  const intoWriteMs = 8 * random.uniform();
  return kills % 2 === 1 ? { afterMs, intoWriteMs } : { afterMs };
}

interface KillPlan {
  afterMs: number;
  /** Wait for the next checkpoint from then on, and kill so long after its writing began. */
  intoWriteMs?: number;
}

/** Runs the study in a process group of its own; true if it came to its end, false if it was killed. */
function run(store: string, plan?: KillPlan): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'study', 'run', recipeFile, '--store', store], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, STAGED_VLM_CHECKPOINT_SECONDS: '0.5' },
    });
    let timer: NodeJS.Timeout | undefined;
    const kill = (): boolean => process.kill(-child.pid!, 'SIGKILL');
    const aim = (intoWriteMs: number, before: ReadonlySet<string>): void => {
      const isWriting = unfinishedWrites(store).some((write) => !before.has(write));
      timer = isWriting ? setTimeout(kill, intoWriteMs) : setTimeout(() => aim(intoWriteMs, before), 1);
    };
    if (plan) {
      const { afterMs, intoWriteMs } = plan;
      const before = new Set(unfinishedWrites(store)); // What an earlier kill left is no sign of a write.
      timer = setTimeout(() => (intoWriteMs === undefined ? kill() : aim(intoWriteMs, before)), afterMs);
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL') resolve(false);
      else if (code === 0) resolve(true);
      else reject(new Error(`The study ended with code ${code}.`));
    });
  });
}

/** Checkpoints that are being written, or that a kill left half written, each with the time of its last change. */
function unfinishedWrites(store: string): string[] {
  const orElse = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch {
      return otherwise; // It came or went meanwhile.
    }
  };
  const phases = join(store, 'phases');
  return orElse(() => readdirSync(phases), []).flatMap((phase) => {
    const checkpoints = join(phases, phase, 'checkpoints');
    const writing = orElse(() => readdirSync(checkpoints), []).filter((name) => name.startsWith('.writing-'));
    return writing.flatMap((name) => {
      const path = join(checkpoints, name);
      return orElse(() => [`${path} ${statSync(path).ctimeMs}`], []);
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
