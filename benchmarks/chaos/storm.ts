import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '@vlm/model';
import { expandStudy, openStore, presets, type Recipe, type Store } from '@vlm/study';
import type { RoundCheck } from './check-round.ts';
import { type Lab, openLab, type Running, whyNoLab } from './lab.ts';
import { cli, type Place, redisService, s3Service, startRun, startWorker } from './services.ts';
import { type Figures, troubles } from './troubles.ts';

export interface StormOptions {
  minutes: number;
  seed: number;
  /** Share of requests that the S3 server refuses. */
  refused: number;
  /** A store of an earlier undisturbed run, to begin with. */
  undisturbed?: string;
  /** Where to write the figures as JSON. */
  out?: string;
}

const smoke = presets['smoke']!;
/** Many small phases, some long enough to be killed in their middle. */
const recipe: Recipe = {
  ...smoke,
  name: 'storm',
  main: { ...smoke.main, tokens: 32_768 },
  branch: { ...smoke.branch, tokens: 16_384 },
  finetune: { ...smoke.finetune, epochs: 2 },
};
const workers = ['w1', 'w2', 'w3'];
/** So that much happens within half an hour: checkpoints often, lost workers noticed soon. */
const timing = {
  STAGED_VLM_CHECKPOINT_SECONDS: '2',
  STAGED_VLM_PROGRESS_SECONDS: '3',
  STAGED_VLM_CLAIM_SECONDS: '40',
};

/**
 * `npm run bench -- storm`: studies on three workers in network namespaces, with Redis and an S3 server in two more, while workers are
 * killed, Redis crashes (with and without its file), cables are pulled, the S3 server refuses requests and one worker's disk fills up. Every
 * study must come to its end with the bits of a run on this machine that nobody disturbed.
 */
export async function stormBenchmark(options: StormOptions): Promise<void> {
  const reason = whyNoLab();
  if (reason) throw new Error(`No storm here: ${reason}.`);
  const folder = await mkdtemp(join(tmpdir(), 'storm-'));
  const recipeFile = join(folder, 'storm.json');
  await writeFile(recipeFile, JSON.stringify(recipe));
  console.log(`Folder ${folder}. First the undisturbed run on this machine …`);
  const undisturbed = options.undisturbed ?? join(folder, 'undisturbed');
  await undisturbedRun(recipeFile, undisturbed);
  const expected = await openStore(undisturbed);

  const lab = openLab(['redis', 's3', 'submit', ...workers]);
  const disk = join(folder, 'w3');
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
  try {
    await storm(lab, folder, recipeFile, expected, options);
  } finally {
    await lab.close();
    execFileSync('umount', [disk]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function storm(
  lab: Lab,
  folder: string,
  recipeFile: string,
  expected: Store,
  options: StormOptions,
): Promise<void> {
  const startMs = Date.now();
  const minutes = (): string => ((Date.now() - startMs) / 60_000).toFixed(1).padStart(5);
  const say = (line: string): void => console.log(`${minutes()} min  ${line}`);
  await mkdir(join(folder, 'redis'));
  const redis = redisService(lab, 'redis', join(folder, 'redis'));
  await redis.start();
  let s3Line = '{}';
  const s3 = s3Service(lab, 's3', join(folder, 's3'), options.refused, (line) => {
    s3Line = line.startsWith('{') ? line : s3Line;
  });
  await sleep(5000);

  const figures: Figures = { kills: 0, redisCrashes: 0, redisLosses: 0, cuts: 0, cutSeconds: 0, fullDisks: 0 };
  const totals = { rounds: 0, phases: 0, attempts: 0, files: 0, bytes: 0, differing: 0, doneTwice: 0, runs: 0 };
  const weather = createRandom(options.seed);
  const untilMs = startMs + options.minutes * 60_000;
  const study = expandStudy(recipe);

  for (let round = 1; Date.now() < untilMs; round++) {
    const place = (machine: string): Place => ({
      redis: redis.url,
      store: s3.location(`round-${round}`),
      namespace: `round-${round}`,
      env: { ...s3.env, ...timing },
      cache: join(folder, machine, `round-${round}`),
    });
    await script('give-corpus.ts', recipeFile, expected.location, place('submit').store);
    const crew = new Map<string, Running>();
    const hire = (machine: string): void => {
      const worker = startWorker(lab, machine, place(machine), (line) => {
        if (/[‖!]|✗/.test(line)) say(`${machine}: ${line.slice(25, 200)}`);
      });
      crew.set(machine, worker);
      void worker.ended.then(async (code) => {
        if (crew.get(machine) !== worker) return;
        // As a supervisor would: whatever it ended of, it is started again.
        say(`${machine} ended${code === null ? '' : ` with code ${code}`}; started again`);
        await sleep(1000 + 4000 * weather.uniform());
        if (crew.get(machine) === worker) hire(machine);
      });
    };
    for (const machine of workers) hire(machine);
    const calm = new AbortController();
    const trouble = troubles({
      lab,
      crew,
      redis,
      weather,
      figures,
      disk: join(folder, 'w3'),
      untilMs,
      say,
      signal: calm.signal,
    });

    // The same command again, as its message says, until it ends well.
    for (let code: number | null = 1; code !== 0; ) {
      totals.runs++;
      const run = startRun(lab, 'submit', recipeFile, place('submit'), (line) => {
        if (/^[!✗]|Error|cannot/.test(line)) say(`submit: ${line.slice(0, 200)}`);
      });
      code = await run.ended;
      if (code !== 0) say(`study run ended with code ${code}; once more`);
    }
    calm.abort();
    await trouble;
    for (const machine of workers) {
      const worker = crew.get(machine)!;
      crew.delete(machine);
      worker.kill('SIGKILL');
      await worker.ended;
    }

    await check(round);
    await rm(join(folder, 'submit'), { recursive: true, force: true });
    for (const machine of workers) await rm(join(folder, machine, `round-${round}`), { recursive: true, force: true });
    await rm(join(folder, 's3', 'lab', `round-${round}`), { recursive: true, force: true });
  }
  const report = {
    minutes: Number(((Date.now() - startMs) / 60_000).toFixed(1)),
    seed: options.seed,
    ...totals,
    troubles: figures,
    s3: JSON.parse(s3Line) as unknown,
  };
  console.log(JSON.stringify(report, null, 2));
  if (options.out) await writeFile(options.out, `${JSON.stringify(report, null, 2)}\n`);
  if (totals.differing > 0 || totals.doneTwice > 0) process.exitCode = 1;

  /** Runs one of this folder's programs where the submitter is. */
  function script(name: string, ...argv: string[]): Promise<number | null> {
    const path = new URL(name, import.meta.url).pathname;
    const env = { ...s3.env, STAGED_VLM_CACHE: join(folder, 'submit', 'scripts'), NODE_NO_WARNINGS: '1' };
    const onLine = (line: string): void => say(`${name}: ${line}`);
    return lab.start('submit', ['node', '--import', 'tsx', '--conditions=@vlm/source', path, ...argv], { env, onLine })
      .ended;
  }

  /** The results of a round, read as another machine would, from the submitter's cache. */
  async function check(round: number): Promise<void> {
    const out = join(folder, 'check.json');
    if ((await script('check-round.ts', recipeFile, expected.location, s3.location(`round-${round}`), out)) !== 0) {
      totals.differing++;
      return say(`ROUND ${round}: THE RESULTS COULD NOT BE READ`);
    }
    const found = JSON.parse(await readFile(join(folder, 'check.json'), 'utf8')) as RoundCheck;
    totals.rounds++;
    totals.phases += study.phases.length;
    totals.attempts += found.attempts;
    totals.files += found.files;
    totals.bytes += found.bytes;
    totals.differing += found.differences.length;
    totals.doneTwice += found.doneTwice;
    for (const { phase, file, what } of found.differences) say(`DIFFERENT: ${phase} ${file} ${what}`);
    say(
      `round ${round} done: ${study.phases.length} phases in ${found.attempts} attempts, ${found.files} files compared, ${found.differences.length} differ`,
    );
  }
}

function undisturbedRun(recipeFile: string, store: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('nice', ['-n', '5', process.execPath, cli, 'study', 'run', recipeFile, '--store', store], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`The run ended with code ${code}.`))));
  });
}
