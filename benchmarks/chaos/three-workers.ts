import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chainSeconds, expandStudy, loadRecipe } from '@vlm/study';
import type { RoundCheck } from './check-round.ts';
import { type Lab, openLab, whyNoLab } from './lab.ts';
import { cli, type Place, redisService, s3Service, startRun, startWorker } from './services.ts';

export interface ThreeWorkersOptions {
  recipe: string;
  /** Models of every arm: a wider study has more that can be done side by side. */
  seeds: number;
  out?: string;
}

/**
 * `npm run bench -- three-workers`: a study on one and on three workers in network namespaces, Redis and the S3 server in two more, beside
 * the same study on this machine: the same files byte by byte, and the times.
 */
export async function threeWorkersBenchmark(options: ThreeWorkersOptions): Promise<void> {
  const reason = whyNoLab();
  if (reason) throw new Error(`No network namespaces here: ${reason}.`);
  const folder = await mkdtemp(join(tmpdir(), 'three-workers-'));
  const lab = openLab(['redis', 's3', 'submit', ...machines]);
  try {
    const report = await measure(lab, folder, options);
    console.log(JSON.stringify(report, null, 2));
    if (options.out) await writeFile(options.out, `${JSON.stringify(report, null, 2)}\n`);
    if (report.oneWorker.differ + report.threeWorkers.differ > 0) process.exitCode = 1;
  } finally {
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const machines = ['w1', 'w2', 'w3'];

async function measure(lab: Lab, folder: string, { recipe: name, seeds }: ThreeWorkersOptions) {
  const base = await loadRecipe(name);
  const recipe = { ...base, seeds: Array.from({ length: seeds }, (_, i) => base.seeds[i] ?? i + 1) };
  const recipeFile = join(folder, 'recipe.json');
  await writeFile(recipeFile, JSON.stringify(recipe));
  const study = expandStudy(recipe);
  console.log(`${study.phases.length} phases, ${recipe.threads} thread each, on ${cpus().length} cores in all.`);

  await mkdir(join(folder, 'redis'));
  const redis = redisService(lab, 'redis', join(folder, 'redis'));
  await redis.start();
  const s3 = s3Service(lab, 's3', join(folder, 's3'), 0);
  await sleep(5000);
  const local = join(folder, 'local');
  const localSeconds = await timed(() => {
    const command = ['node', cli, 'study', 'run', recipeFile, '--store', local, '--workers', '1'];
    return lab.start('submit', command, { onLine: show('this machine') }).ended;
  });

  const onCluster = async (crew: readonly string[]) => {
    const title = `${crew.length} ${crew.length === 1 ? 'worker' : 'workers'}`;
    const namespace = `crew-${crew.length}`;
    const place = (machine: string): Place => ({
      redis: redis.url,
      store: s3.location(namespace),
      namespace,
      env: s3.env,
      cache: join(folder, namespace, machine),
    });
    const times = phaseTimes();
    const hired = crew.map((machine) => startWorker(lab, machine, place(machine), times.read));
    await sleep(5000);
    const seconds = await timed(() => startRun(lab, 'submit', recipeFile, place('submit'), show(title)).ended);
    for (const worker of hired) worker.kill('SIGTERM');
    await Promise.all(hired.map(({ ended }) => ended));

    const check = await compare(lab, folder, recipeFile, local, s3.location(namespace), s3.env);
    for (const { phase, file, what } of check.differences) console.log(`DIFFERENT: ${phase} ${file} ${what}`);
    const shares = Object.entries(check.machines).map(([machine, phases]) => `${machine} ${phases}`);
    console.log(
      `${title}, ${seconds.toFixed(0)} s: ${check.files} files of ${check.phases} phases, ${(check.bytes / 1e6).toFixed(1)} MB, and the losses of every step ` +
        `compared with those of this machine: ${check.differences.length} differ. Phases by machine: ${shares.join(', ')}.`,
    );
    const { files, bytes, machines } = check;
    const workSeconds = study.phases.reduce((sum, phase) => sum + times.seconds(phase), 0);
    const longest = Math.max(...chainSeconds(study.phases, times.seconds).values());
    return { seconds, files, bytes, differ: check.differences.length, machines, workSeconds, chainSeconds: longest };
  };
  const oneWorker = await onCluster(machines.slice(0, 1));
  const threeWorkers = await onCluster(machines);
  return {
    recipe: name,
    seeds,
    phases: study.phases.length,
    cores: cpus().length,
    threadsPerWorker: recipe.threads,
    localSeconds,
    oneWorker,
    threeWorkers,
    speedUp: oneWorker.seconds / threeWorkers.seconds,
    // However many workers: nothing is faster than the longest chain of phases that wait for one another.
    mostByTheGraph: oneWorker.workSeconds / oneWorker.chainSeconds,
  };
}

/** How long workers had each phase, by the lines that they print when they take one and when it is done. */
function phaseTimes() {
  const startMs = new Map<string, number>();
  const seconds = new Map<string, number>();
  return {
    read(line: string): void {
      const [, at = '', what, id = ''] = /^(\S+) ([▸✓]) (\S+)/.exec(line) ?? [];
      if (what === '▸') startMs.set(id, Date.parse(at));
      if (what === '✓') seconds.set(id, (Date.parse(at) - startMs.get(id)!) / 1000);
    },
    seconds: ({ id }: { id: string }): number => seconds.get(id) ?? 0,
  };
}

/** Seconds until a program ends well. */
async function timed(start: () => Promise<number | null>): Promise<number> {
  const startMs = Date.now();
  const code = await start();
  if (code !== 0) throw new Error(`The run ended with code ${code}.`);
  return (Date.now() - startMs) / 1000;
}

const show =
  (title: string) =>
  (line: string): void => {
    if (/^[✓!✗]/.test(line)) console.log(`  ${title}: ${line}`);
  };

async function compare(
  lab: Lab,
  folder: string,
  recipe: string,
  expected: string,
  found: string,
  env: Record<string, string>,
): Promise<RoundCheck> {
  const out = join(folder, 'check.json');
  const script = new URL('check-round.ts', import.meta.url).pathname;
  const command = ['node', '--import', 'tsx', '--conditions=@vlm/source', script, recipe, expected, found, out];
  const check = lab.start('submit', command, {
    env: { ...env, STAGED_VLM_CACHE: join(folder, 'check'), NODE_NO_WARNINGS: '1' },
    onLine: (line) => console.log(line),
  });
  if ((await check.ended) !== 0) throw new Error(`The results in ${found} could not be read.`);
  return JSON.parse(await readFile(out, 'utf8')) as RoundCheck;
}
