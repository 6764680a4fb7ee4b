import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bullmqExecutor, connectRedis, startWorker } from '@vlm/executor-bullmq';
import {
  type Executor,
  expandStudy,
  localExecutor,
  openStore,
  type PhaseRunner,
  presets,
  type Store,
  type Study,
} from '@vlm/study';

const port = 7999;

/**
 * `npm run bench -- queue`: phases that do nothing but write their record, through BullMQ and through the local executor: what a phase costs
 * beyond its work, and what Redis needs.
 */
export async function queueBenchmark(options: { phases: number; slots: number; out?: string }): Promise<void> {
  const study = studyOf(options.phases);
  console.log(`${study.phases.length} phases, ${options.slots} at a time, ${cpus().length} cores.`);
  const folder = await mkdtemp(join(tmpdir(), 'queue-'));
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''], {
    stdio: 'ignore',
  });
  try {
    await sleep(500);
    const local = await runLocally(study, await openStore(join(folder, 'local')), options.slots);
    const queue = await runOnQueue(study, await openStore(join(folder, 'queue')), options.slots);
    const report = {
      phases: study.phases.length,
      slots: options.slots,
      cores: cpus().length,
      local: figures(study, local),
      queue: { ...figures(study, queue), ...queue.redis },
    };
    console.log(JSON.stringify(report, null, 2));
    if (options.out) await writeFile(options.out, `${JSON.stringify(report, null, 2)}\n`);
  } finally {
    server.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

/** A study of about so many phases: the smoke study at many seeds. */
function studyOf(phases: number): Study {
  const smoke = presets['smoke']!;
  const perSeed = expandStudy({ ...smoke, seeds: [1, 2] }).phases.length - expandStudy(smoke).phases.length;
  const seeds = Array.from({ length: Math.ceil((phases - 5) / perSeed) }, (_, i) => i + 1);
  return expandStudy({ ...smoke, seeds });
}

function emptyRunner(store: Store): PhaseRunner {
  return {
    run: (phase) => store.finish(phase, { finishedAt: '', seconds: 0, peakBytes: 0, summary: {} }),
  };
}

interface Run {
  seconds: number;
  /** Of this process: submitter and worker. */
  cpuSeconds: number;
}

async function runTimed(executor: Executor, study: Study): Promise<Run> {
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  let finished = 0;
  let shownMs = startMs;
  await executor.run(study, {
    estimate: () => 1,
    onEvent({ type }) {
      if (type !== 'phase-finished' || ++finished % 1000 !== 0) return;
      const nowMs = performance.now();
      console.log(`  ${executor.name}: ${finished} done, ${Math.round(1_000_000 / (nowMs - shownMs))} a second`);
      shownMs = nowMs;
    },
  });
  const { user, system } = process.cpuUsage(startCpu);
  return { seconds: (performance.now() - startMs) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function runLocally(study: Study, store: Store, concurrency: number): Promise<Run> {
  return runTimed(localExecutor({ store, runner: emptyRunner(store), concurrency }), study);
}

async function runOnQueue(study: Study, store: Store, slots: number) {
  const connection = connectRedis({ host: '127.0.0.1', port, db: 0, tls: false }, 'wait', {});
  const memory = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await connection.info('memory'))![1]);
  const emptyBytes = await memory();
  let peakBytes = emptyBytes;
  const watch = setInterval(async () => {
    peakBytes = Math.max(peakBytes, await memory());
  }, 100);
  const worker = await startWorker({ redis: connection, store, runner: emptyRunner(store), labels: { any: slots } });
  const executor = bullmqExecutor({ redis: connection, store });
  const run = await runTimed(executor, study);
  clearInterval(watch);
  const afterBytes = await memory();
  const cpu = await connection.info('cpu');
  const redisCpu = ['user', 'sys'].reduce(
    (sum, kind) => sum + Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(cpu)![1]),
    0,
  );
  await worker.close();
  await executor.close();
  connection.disconnect();
  const mib = (bytes: number): number => Number((bytes / 2 ** 20).toFixed(1));
  return {
    ...run,
    redis: {
      redisCpuMsPerPhase: perPhase(study, redisCpu),
      redisEmptyMiB: mib(emptyBytes),
      redisPeakMiB: mib(peakBytes),
      redisAfterMiB: mib(afterBytes),
      recipeKiB: Math.round(JSON.stringify(study.recipe).length / 1024),
    },
  };
}

function figures(study: Study, { seconds, cpuSeconds }: Run) {
  return {
    seconds: Number(seconds.toFixed(1)),
    phasesPerSecond: Math.round(study.phases.length / seconds),
    msPerPhase: perPhase(study, seconds),
    cpuMsPerPhase: perPhase(study, cpuSeconds),
  };
}

function perPhase({ phases }: Study, seconds: number): number {
  return Number(((1000 * seconds) / phases.length).toFixed(2));
}
