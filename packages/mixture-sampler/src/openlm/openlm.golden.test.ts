import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MixtureError } from '../mixture-error.ts';
import { bufferShuffle, chunkShards, intervalShards, type ManifestRow, resampledShards, shardString } from './index.ts';

interface Case<Input, Expected> {
  id: string;
  input: Input;
  expected: Expected;
}
interface Failure {
  exception: { class: string };
}

/** Reads a file of reference cases from GOLDEN_DIR, where set and there, else from the fixtures. */
function golden<Input, Expected>(name: string): Case<Input, Expected>[] {
  const own = process.env['GOLDEN_DIR'] ? join(process.env['GOLDEN_DIR'], name) : '';
  const path = own && existsSync(own) ? own : new URL(`../../fixtures/${name}`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { cases: Case<Input, Expected>[] }).cases;
}

/** What the reference's exceptions are here. */
const codes: Record<string, string> = {
  IndexError: 'empty-source',
  ValueError: 'empty-source',
  AssertionError: 'invalid-argument',
};

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (MixtureError.isInstance(error)) return error.code;
    throw error;
  }
  return 'no error';
}

interface Interval {
  num_samples: number;
  starting_shard_per_source: number[];
  manifest_paths: string[];
  manifests: [string, number][][];
  weights: number[] | null;
  workers_per_gpu: number;
  world_size: number;
  multi_epoch: boolean;
  shard_shuffle_seed: number | null;
}
type IntervalResult = { shard_strings: string[]; num_samples_per_source: number[]; next_shard_per_source: number[] };

describe("shards of an interval, as OpenLM's get_string_for_epoch picks them", () => {
  it.each(golden<Interval, (IntervalResult | Failure)[]>('openlm_shard_strings.json'))('$id', ({ input, expected }) => {
    let next = input.starting_shard_per_source;
    for (const call of expected) {
      const run = () =>
        intervalShards({
          manifests: input.manifests.map((rows) =>
            rows.map(([shard, sequences]): ManifestRow => ({ shard, sequences })),
          ),
          samples: input.num_samples,
          next,
          weights: input.weights ?? undefined,
          readers: input.workers_per_gpu * input.world_size,
          multiplePasses: input.multi_epoch,
          shuffleSeed: input.shard_shuffle_seed ?? undefined,
        });
      if ('exception' in call) {
        expect(codeOf(run)).toBe(codes[call.exception.class]);
        continue;
      }
      const found = run();
      next = found.next;
      expect({
        shard_strings: found.shards.map((shards, i) => shardString(input.manifest_paths[i]!, shards)),
        num_samples_per_source: found.samples,
        next_shard_per_source: found.next,
      }).toEqual(call);
    }
  });
});

describe("groups of shards, as OpenLM's get_shards_for_chunk makes them", () => {
  const cases = golden<
    { sizes: number[]; num_samples: number; chunk: number },
    { shards: string[]; count: number } | Failure
  >('openlm_shards_for_chunk.json');
  it.each(cases)('$id', ({ input, expected }) => {
    const manifest = input.sizes.map((sequences, i) => ({ shard: String(i).padStart(3, '0'), sequences }));
    const run = () => chunkShards(manifest, input.num_samples, input.chunk);
    if ('exception' in expected) expect(codeOf(run)).not.toBe('no error');
    else expect(run()).toEqual({ shards: expected.shards, samples: expected.count });
  });
});

type ShuffleInput =
  | { urls: string; weights: string | null; worker_seed: number; epoch: number; nshards: number }
  | { n: number; bufsize: number; initial: number; seed: number; epoch: number };

/** `a-{0..4}.tar` and `a.tar::b.tar`. */
function expand(urls: string): string[] {
  return urls.split('::').flatMap((url) => {
    const range = /^(.*)\{(\d+)\.\.(\d+)\}(.*)$/.exec(url);
    if (!range) return [url];
    const [, before, first, last, after] = range as unknown as [string, string, string, string, string];
    return Array.from(
      { length: Number(last) - Number(first) + 1 },
      (_, i) => before + String(Number(first) + i).padStart(first.length, '0') + after,
    );
  });
}

function take<T>(items: Iterator<T>, count: number): T[] {
  return Array.from({ length: count }, () => items.next().value as T);
}

describe("OpenLM's random orders", () => {
  const cases = golden<ShuffleInput, { urls: string[] } | { order: number[] } | Failure>('openlm_shuffle.json');
  it.each(cases)('$id', ({ input, expected }) => {
    const run = () => {
      if (!('urls' in input)) {
        const items = Array.from({ length: input.n }, (_, i) => i);
        return [...bufferShuffle(items, { ...input, buffer: input.bufsize })];
      }
      const weights = input.weights?.split('::').map(Number);
      const shards = resampledShards(expand(input.urls), { seed: input.worker_seed, epoch: input.epoch, weights });
      return take(shards, input.nshards);
    };
    if ('exception' in expected) expect(codeOf(run)).toBe(codes[expected.exception.class]);
    else expect(run()).toEqual('urls' in expected ? expected.urls : expected.order);
  });
});

describe('arguments that cannot work', () => {
  it.each<[string, () => unknown, string]>([
    ['no shards', () => take(resampledShards([], { seed: 1, epoch: 0 }), 1), 'empty-source'],
    ['half a seed', () => take(resampledShards(['a'], { seed: 0.5, epoch: 0 }), 1), 'invalid-argument'],
    ['an empty manifest', () => chunkShards([], 1, 0), 'empty-source'],
    [
      'a negative shuffle seed',
      () =>
        intervalShards({
          manifests: [[{ shard: 'a', sequences: 1 }]],
          samples: 1,
          next: [0],
          readers: 1,
          shuffleSeed: -1,
        }),
      'invalid-argument',
    ],
  ])('%s', (_, run, code) => {
    expect(codeOf(run)).toBe(code);
  });
});
