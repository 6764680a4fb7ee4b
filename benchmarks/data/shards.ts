import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readShards, writeShards } from 'webdataset-ts';
import { median } from './median.ts';
import { type BenchRow, costRow, rateRow } from './row.ts';

const rounds = 3;
const sets = [
  { name: '1 KiB pictures', pictureBytes: 1 << 10, samples: 40_000 },
  { name: '16 KiB pictures', pictureBytes: 1 << 14, samples: 8000 },
  { name: '64 KiB pictures', pictureBytes: 1 << 16, samples: 3000 },
] as const;

/**
 * Samples with a picture, a caption and JSON, read from tar and tar.gz by us and by Python: by webdataset where `PYTHONPATH` leads to it, else by
 * the loop over tarfile that webdataset consists of. Each in a process of its own; for one core each, run it all under `taskset -c 0`.
 */
export async function shardsBenchmark(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-shards-'));
  try {
    const rows: BenchRow[] = [];
    for (const set of sets) {
      for (const format of ['tar', 'tar.gz'] as const) {
        const path = await writeShard(folder, set, format);
        rows.push(...(await compare(path, `${set.name}, ${format}`, set.samples)));
        rmSync(path);
      }
    }
    rows.push(await memory(folder));
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function compare(path: string, name: string, samples: number): Promise<BenchRow[]> {
  const python: { peer: string; seconds: number }[] = [];
  const [own, zlib]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    own.push(nodeReads(path, 'ours'));
    const result = pythonReads(path, samples);
    if (result !== null) python.push(result);
    if (path.endsWith('.gz')) zlib.push(nodeReads(path, 'zlib'));
  }
  const seconds = { ours: median(own), floor: zlib.length === 0 ? Number.NaN : median(zlib) };
  const peer = python[0]?.peer;
  const rows = [
    rateRow({
      name,
      ours: samples / seconds.ours,
      theirs: peer === undefined ? null : samples / median(python.map((run) => run.seconds)),
      unit: 'samples/s',
      note: peer ?? 'no python3 on this machine',
    }),
  ];
  if (path.endsWith('.gz')) {
    const megabytes = statSync(path).size / 1e6;
    const rate = { ours: megabytes / seconds.ours, theirs: megabytes / seconds.floor };
    rows.push(
      rateRow({
        name: `${name}, stored bytes`,
        ...rate,
        unit: 'MB/s',
        note: "Node's zlib alone, samples not looked at",
      }),
    );
  }
  return rows;
}

async function read(path: string): Promise<void> {
  for await (const _ of readShards(path));
}

/** Memory that reading adds: the largest resident size while two gigabytes pass, less the one before. */
async function memory(folder: string): Promise<BenchRow> {
  const path = await writeShard(folder, { pictureBytes: 1 << 16, samples: 3000 }, 'tar');
  await read(path);
  const before = process.memoryUsage.rss();
  let largest = before;
  for (let pass = 0; pass < 10; pass++) {
    let count = 0;
    for await (const _ of readShards(path)) {
      if (count++ % 100 === 0) largest = Math.max(largest, process.memoryUsage.rss());
    }
  }
  const note = 'ten passes over 200 MB after a first one; no peer';
  return costRow({
    name: 'growth of memory over 2 GB',
    ours: (largest - before) / 1e6,
    theirs: null,
    unit: 'MB',
    note,
  });
}

async function writeShard(
  folder: string,
  { pictureBytes, samples }: { pictureBytes: number; samples: number },
  format: 'tar' | 'tar.gz',
): Promise<string> {
  const writer = writeShards({ directory: folder, prefix: `p${pictureBytes}`, format });
  let x = 1;
  const picture = new Uint8Array(pictureBytes);
  for (let i = 0; i < samples; i++) {
    // Noise, as compressed pictures are for gzip; the words of a generator, as one byte at a time takes long.
    const words = new Int32Array(picture.buffer);
    for (let at = 0; at < words.length; at++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[at] = x;
    }
    const members = { jpg: picture, txt: `a red fox, number ${i}`, json: JSON.stringify({ i, caption: 'a red fox' }) };
    await writer.add({ key: String(i).padStart(8, '0'), members });
  }
  return (await writer.close()).shards[0]!.path;
}

/** Seconds that a process of its own needs for one pass, without its start. */
function nodeReads(path: string, who: 'ours' | 'zlib'): number {
  const script = fileURLToPath(new URL('read-shard.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, script, path, who], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Reading ${path} failed: ${stderr}`);
  return Number(stdout);
}

/** Seconds that Python needs for one pass, without its start. */
function pythonReads(path: string, samples: number): { peer: string; seconds: number } | null {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', script, path], { encoding: 'utf8' });
  if (status === null) return null;
  if (status !== 0) throw new Error(`The Python script failed: ${stderr}`);
  const { count, ...result } = JSON.parse(stdout) as { peer: string; seconds: number; count: number };
  if (count !== samples) throw new Error(`Expected ${samples} samples, Python read ${count}.`);
  return result;
}

const script = `
import json, os, platform, sys, tarfile, time
path = sys.argv[1]
def grouped():
    current = None
    with tarfile.open(fileobj=open(path, 'rb'), mode='r|*') as stream:
        for info in stream:
            if not info.isreg():
                continue
            folder, base = os.path.split(info.name)
            name, _, suffix = base.partition('.')
            key = os.path.join(folder, name)
            data = stream.extractfile(info).read()
            stream.members = []
            if current is None or current['__key__'] != key:
                if current is not None:
                    yield current
                current = {'__key__': key, '__url__': path}
            current[suffix.lower()] = data
    if current is not None:
        yield current
try:
    import webdataset
    peer, samples = 'webdataset ' + webdataset.__version__, webdataset.WebDataset(path, shardshuffle=False)
except ImportError:
    peer, samples = 'tarfile, the loop of webdataset', grouped()
start = time.perf_counter()
count = sum(1 for _ in samples)
print(json.dumps({'peer': peer + ', Python ' + platform.python_version(), 'count': count, 'seconds': time.perf_counter() - start}))
`;
