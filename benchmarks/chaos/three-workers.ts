import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expandStudy, loadRecipe } from '@vlm/study';
import { type Lab, openLab, whyNoLab } from './lab.ts';
import { cli, type Place, redisService, s3Service, startRun, startWorker } from './services.ts';
import type { RoundCheck } from './storm.ts';

/**
 * `npm run bench -- three-workers`: a study on one and on three workers in network namespaces, Redis and the S3 server in two more, beside
 * the same study on this machine: the same files byte by byte, and the times.
 */
export async function threeWorkersBenchmark(options: { recipe: string; out?: string }): Promise<void> {
  const reason = whyNoLab();
  if (reason) throw new Error(`No network namespaces here: ${reason}.`);
  const folder = await mkdtemp(join(tmpdir(), 'three-workers-'));
  const machines = ['w1', 'w2', 'w3'];
  const lab = openLab(['redis', 's3', 'submit', ...machines]);
  try {
    await mkdir(join(folder, 'redis'));
    const redis = redisService(lab, 'redis', join(folder, 'redis'));
    await redis.start();
    const s3 = s3Service(lab, 's3', join(folder, 's3'), 0);
    await sleep(5000);
    const place = (name: string, machine: string): Place => ({
      redis: redis.url,
      store: s3.location(name),
      namespace: name,
      env: s3.env,
      cache: join(folder, name, machine),
    });
    const onCluster = async (name: string, crew: readonly string[]): Promise<number> => {
      const hired = crew.map((machine) => startWorker(lab, machine, place(name, machine), () => {}));
      await sleep(5000);
      const startMs = Date.now();
      const run = startRun(lab, 'submit', options.recipe, place(name, 'submit'), (line) => console.log(`  ${line}`));
      const code = await run.ended;
      const seconds = (Date.now() - startMs) / 1000;
      for (const worker of hired) worker.kill('SIGTERM');
      await Promise.all(hired.map(({ ended }) => ended));
      if (code !== 0) throw new Error(`The run on ${crew.length} workers ended with code ${code}.`);
      return seconds;
    };
    const local = join(folder, 'local');
    const startMs = Date.now();
    const alone = lab.start('submit', [
      'node',
      cli,
      'study',
      'run',
      options.recipe,
      '--store',
      local,
      '--workers',
      '1',
    ]);
    if ((await alone.ended) !== 0) throw new Error('The run on this machine failed.');
    const seconds = {
      local: (Date.now() - startMs) / 1000,
      oneWorker: await onCluster('one', machines.slice(0, 1)),
      threeWorkers: await onCluster('three', machines),
    };
    const same = {
      oneWorker: await compare(lab, folder, options.recipe, local, s3.location('one'), s3.env),
      threeWorkers: await compare(lab, folder, options.recipe, local, s3.location('three'), s3.env),
    };
    const study = expandStudy(await loadRecipe(options.recipe));
    const report = {
      recipe: options.recipe,
      phases: study.phases.length,
      cores: cpus().length,
      seconds,
      speedUp: seconds.oneWorker / seconds.threeWorkers,
      same,
    };
    console.log(JSON.stringify(report, null, 2));
    if (options.out) await writeFile(options.out, `${JSON.stringify(report, null, 2)}\n`);
    if (same.oneWorker.differences.length + same.threeWorkers.differences.length > 0) process.exitCode = 1;
  } finally {
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  }
}

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
  const check = lab.start(
    'submit',
    ['node', '--import', 'tsx', '--conditions=@vlm/source', script, recipe, expected, found, out],
    { env: { ...env, STAGED_VLM_CACHE: join(folder, 'check') }, onLine: (line) => console.log(line) },
  );
  if ((await check.ended) !== 0) throw new Error(`The results in ${found} could not be read.`);
  return JSON.parse(await readFile(out, 'utf8')) as RoundCheck;
}
