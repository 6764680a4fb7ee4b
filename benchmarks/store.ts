import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { openS3 } from '@vlm/store-s3';
import {
  childProcessRunner,
  estimateSeconds,
  executeStudy,
  expandStudy,
  loadRecipe,
  openStore,
  type Store,
} from '@vlm/study';
import { differences } from './chaos/same-results.ts';
import { median } from './data/median.ts';

interface StoreBenchOptions {
  megabytes: number;
  rounds: number;
  study: boolean;
}

const mebibyte = 2 ** 20;

/** `npm run bench -- store`: the store in S3 against a server on this machine, beside the bare SDK; and a study kept both ways. */
export async function storeBenchmark(options: StoreBenchOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-store-'));
  const server = await startServer();
  try {
    await throughput(folder, options);
    if (options.study) await studyBothWays(folder, server);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Up and down, in turns, each in its own way to one object: MiB/s. */
async function throughput(folder: string, { megabytes, rounds }: StoreBenchOptions): Promise<void> {
  const bytes = megabytes * mebibyte;
  const path = join(folder, 'file');
  await writeFile(path, randomBytes(bytes));
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  const objects = await openS3('s3://lab/bench');
  const client = new S3Client({
    endpoint: process.env['AWS_ENDPOINT_URL']!,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  const bare = { Bucket: 'lab', Key: 'bare' };
  let ours = 0;
  const ways: Record<string, () => Promise<unknown>> = {
    'up, ours: parts, MD5 each, SHA-256 of all': () => objects.upload(`file-${ours++}`, path, { bytes, sha256 }),
    'up, bare SDK: one request': async () => client.send(new PutObjectCommand({ ...bare, Body: await readFile(path) })),
    'down, ours: ranges, SHA-256 compared, synced': () =>
      objects.download(`file-${ours - 1}`, join(folder, 'down'), { bytes, sha256 }),
    'down, bare SDK: one stream, not compared': async () => {
      const { Body } = await client.send(new GetObjectCommand(bare));
      await pipeline(Body as NodeJS.ReadableStream, createWriteStream(join(folder, 'bare')));
    },
  };
  const seconds = Object.fromEntries(Object.keys(ways).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, act] of Object.entries(ways)) {
      const startMs = performance.now();
      await act();
      seconds[name]!.push((performance.now() - startMs) / 1000);
    }
  }
  console.log(`\n${megabytes} MiB, medians of ${rounds} rounds in turns, MiB/s (lowest to highest)`);
  for (const [name, values] of Object.entries(seconds)) {
    const rates = values.map((value) => megabytes / value);
    console.log(
      `${name.padEnd(46)} ${median(rates).toFixed(0).padStart(5)}  (${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)})`,
    );
  }
  client.destroy();
  objects.close();
}

/** The smoke study in a folder and in S3, compared byte by byte; what went over the wire. */
async function studyBothWays(folder: string, server: TestServer): Promise<void> {
  const study = expandStudy(await loadRecipe('smoke'));
  const run = async (store: Store): Promise<number> => {
    const startMs = performance.now();
    await executeStudy(study, {
      store,
      runner: childProcessRunner(store),
      concurrency: 2,
      estimate: (phase) => estimateSeconds(study, phase),
      runsAlone: (phase) => phase.kind === 'corpus',
    });
    return (performance.now() - startMs) / 1000;
  };
  const inFolder = await openStore(join(folder, 'store'));
  process.env['STAGED_VLM_CACHE'] = join(folder, 'cache');
  const inS3 = await openStore('s3://lab/smoke');
  const folderSeconds = await run(inFolder);
  const before = await server.counts();
  const s3Seconds = await run(inS3);
  const after = await server.counts();
  const elsewhere = await openStore('s3://lab/smoke', { cacheDirectory: join(folder, 'another machine') });
  const found = await differences(study, inFolder, elsewhere);
  const fetched = await server.counts();
  const megabytes = (count: number): string => `${(count / 1e6).toFixed(2)} MB`;
  const moved = (from: Counts, to: Counts): string =>
    `up ${megabytes(to.received - from.received)}, down ${megabytes(to.sent - from.sent)}, ${to.requests - from.requests} requests`;
  console.log(
    `\nsmoke, ${study.phases.length} phases: in a folder ${folderSeconds.toFixed(0)} s, in S3 ${s3Seconds.toFixed(0)} s`,
  );
  console.log(`while it ran on one machine: ${moved(before, after)}`);
  console.log(`fetched whole by another machine: ${moved(after, fetched)}`);
  console.log(
    `${found.files} files of ${megabytes(found.bytes)} compared byte by byte, losses step by step: ${found.differences.length} differences`,
  );
  for (const { phase, file, what } of found.differences) console.log(`  ${phase} ${file} ${what}`);
  if (found.differences.length > 0) process.exitCode = 1;
}

interface Counts {
  requests: number;
  received: number;
  sent: number;
}

interface TestServer {
  counts(): Promise<Counts>;
  stop(): Promise<void>;
}

/** In a process of its own, so that it takes no time of ours; its settings go into this process's environment. */
async function startServer(): Promise<TestServer> {
  const script = new URL('../packages/store-s3/src/testing/serve.ts', import.meta.url).pathname;
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', '--conditions=@vlm/source', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const wait = async (pattern: RegExp): Promise<RegExpMatchArray> => {
    for (;;) {
      const match = pattern.exec(text);
      if (match) return match;
      if (child.exitCode !== null) throw new Error('The test server ended; is @20minutes/s3rver installed?');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await wait(/export AWS_ENDPOINT_URL=.*\n/);
  for (const [, name, value] of text.matchAll(/export (\w+)=(.*)\n/g)) process.env[name!] = value!;
  return {
    async counts() {
      text = '';
      child.kill('SIGUSR2');
      const [line] = await wait(/\{.*\}\n/);
      const { requests, received, sent } = JSON.parse(line) as Counts & { requests: Record<string, number> };
      return { requests: Object.values(requests).reduce((sum, count) => sum + count, 0), received, sent };
    },
    async stop() {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}
