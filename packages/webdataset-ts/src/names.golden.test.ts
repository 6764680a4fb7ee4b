import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandBraces, expandShards, literalShard } from './expand-shards.ts';
import { splitMemberName } from './member-name.ts';
import { splitShards } from './split-shards.ts';
import { goldenCases } from './testing/golden.ts';

describe('member names split as webdataset splits them', () => {
  const cases = goldenCases<{ path: string }, { key: string | null; suffix: string | null }>(
    'webdataset_base_plus_ext',
  );
  it('has cases', () => expect(cases.length).toBeGreaterThan(40));
  it.each(cases)('$id $input.path', ({ input, expected }) => {
    expect(splitMemberName(input.path) ?? { key: null, suffix: null }).toEqual(expected);
  });
});

describe('shard lists expand as webdataset expands them', () => {
  type Expected = { urls?: string[]; exception?: unknown };
  /** Ours: digits of ranges are ASCII. */
  const asciiDigitsOnly = new Set(['{١..٣}']);
  const cases = goldenCases<{ urls: string; env: Record<string, string> }, Expected>('webdataset_expand_urls').filter(
    ({ kind, input }) => kind === 'brace' && !asciiDigitsOnly.has(input.urls),
  );
  it('has cases', () => expect(cases.length).toBeGreaterThan(70));
  it.each(cases)('$id $input.urls', ({ input, expected }) => {
    const expand = () => input.urls.split('::').flatMap(expandBraces);
    if (expected.exception !== undefined) expect(expand).toThrow(/unbalanced braces/);
    else {
      expect(expand()).toEqual(expected.urls);
      if (expected.urls!.includes('')) expect(() => expandShards(input.urls)).toThrow(/empty entry/);
      else expect(expandShards(input.urls)).toEqual(expected.urls);
    }
  });
});

describe('variables in shard lists are replaced as webdataset replaces them', () => {
  const cases = goldenCases<{ urls: string; env: Record<string, string> }, { urls?: string[] }>(
    'webdataset_expand_urls',
  ).filter(({ kind }) => kind === 'env');
  it('has cases', () => expect(cases.length).toBeGreaterThan(10));
  it.each(cases)('$id $input.urls', ({ input, expected }) => {
    if (expected.urls !== undefined) expect(expandShards(input.urls, input.env)).toEqual(expected.urls);
    else expect(() => expandShards(input.urls, input.env)).toThrow(/WDS_\w+, which is not set/);
  });

  it('from the environment unless told otherwise', () => {
    process.env['WDS_TEST_FOLDER'] = 'data';
    try {
      expect(expandShards(['$', '{TEST_FOLDER}/{0..1}.tar'].join(''))).toEqual(['data/0.tar', 'data/1.tar']);
    } finally {
      delete process.env['WDS_TEST_FOLDER'];
    }
  });
});

it('a literal path is that path alone, also in a longer pattern', () => {
  const path = fc.string({ minLength: 1, unit: fc.constantFrom(...'a01/.\\,:$', '{', '}') });
  fc.assert(
    fc.property(path, path, (one, other) => {
      expect(expandShards(literalShard(one), {})).toEqual([one]);
      expect(expandShards([one, other].map(literalShard), {})).toEqual([one, other]);
      expect(expandShards(`{${literalShard(one)}/,b/}{0..1}`, {})).toEqual([`${one}/0`, `${one}/1`, 'b/0', 'b/1']);
    }),
    { examples: [['C:\\data\\train-000000.tar', '$' + '{HOME}/a::b/{c,d}.tar']] },
  );
});

describe('shards are shared out as webdataset shares them', () => {
  interface Input {
    shards: number;
    rank: number;
    world_size: number;
    worker: number;
    num_workers: number;
    order: string;
  }
  const cases = goldenCases<Input, { urls?: string[] }>('webdataset_split').filter(
    ({ kind }) => kind === 'split' || kind === 'order',
  );
  it('has cases', () => expect(cases.length).toBeGreaterThan(25));
  it.each(cases)('$id', ({ input, expected }) => {
    let shards = Array.from({ length: input.shards }, (_, i) => String(i).padStart(3, '0'));
    for (const stage of input.order.split(',')) {
      if (stage === 'node') shards = splitShards(shards, input.rank, input.world_size);
      else if (stage === 'worker') shards = splitShards(shards, input.worker, input.num_workers);
      else throw new Error(`unknown stage ${stage}`);
    }
    expect(shards).toEqual(expected.urls);
  });
});
