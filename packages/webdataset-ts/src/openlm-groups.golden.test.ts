/** Members grouped as OpenLM groups them (`group_by_keys_nothrow`): a second member of one suffix begins another sample. */
import { describe, expect, it } from 'vitest';
import { readShards } from './index.ts';
import { goldenCases } from './testing/golden.ts';
import { readAll, readWithFaults } from './testing/read-all.ts';
import { memorySource, tarOf } from './testing/tar-bytes.ts';

interface Input {
  names: string[];
  suffixes: string[] | null;
}
interface Expected {
  samples: { key: string; entries: [suffix: string, data: string][] }[];
}

/** A suffix `__url__` is one like any other here; the reference takes it for the shard's address. */
const deliveredByUs: Record<string, Expected['samples']> = {
  'a.__url__ a.x': [
    {
      key: 'a',
      entries: [
        ['__url__', '0:a.__url__'],
        ['x', '1:a.x'],
      ],
    },
  ],
};

async function group(names: readonly string[]): Promise<Expected['samples']> {
  const source = memorySource({ s: tarOf(...names.map((name, i) => [name, `${i}:${name}`] as const)) });
  const samples: Expected['samples'] = [];
  for await (const { key, members } of readShards('s', { source, compatible: 'openlm' }))
    samples.push({
      key,
      entries: Object.entries(members).map(([suffix, data]) => [suffix, String(Buffer.from(data))]),
    });
  return samples;
}

describe("compatible: 'openlm'", () => {
  const all = goldenCases<Input, Expected>('openlm_group_nothrow');
  it('has cases, all of known kinds', () =>
    expect([...new Set(all.map(({ kind }) => kind))].sort()).toEqual(['eof-marker', 'group', 'suffix-filter']));

  // At webdataset's newer end-of-shard marker (`eof-marker`) OpenLM fails: there is nothing to agree with.
  it.each(all.filter(({ kind }) => kind === 'group'))('$id $input.names', async ({ input, expected }) => {
    expect(await group(input.names)).toEqual(deliveredByUs[input.names.join(' ')] ?? expected.samples);
  });

  it('numbers samples the same for every reader of a shared shard, and wherever reading goes on', async () => {
    const names = ['a.x', 'a.y', 'a.X', 'b.x', 'b.x', 'b.y', 'c.x', 'a.x', 'a.x'];
    const source = memorySource({ s: tarOf(...names.map((name, i) => [name, `${i}`] as const)) });
    const options = { source, compatible: 'openlm' as const };
    const straight = await readAll(readShards('s', options));
    expect(straight).toHaveLength(7);
    const shared: string[] = [];
    for (const index of [0, 1, 2])
      shared.push(...(await readAll(readShards('s', { ...options, split: { index, count: 3 } }))));
    expect(shared.sort()).toEqual([...straight].sort());
    const reader = readShards('s', options);
    for (let done = 1; done <= straight.length; done++) {
      await reader.next();
      expect(await readAll(readShards('s', { ...options, state: reader.state() }))).toEqual(straight.slice(done));
    }
  });

  it('reports damage all the same', async () => {
    const cut = tarOf('a.x', 'a.x', 'b.x').subarray(0, 2600);
    const { samples, faults } = await readWithFaults({ s: cut }, { compatible: 'openlm' });
    expect(samples).toEqual(['s#0 a x=a.x', 's#1 a x=a.x']);
    expect(faults).toMatchObject([{ code: 'truncated' }]);
  });

  it('does not go with regroup, nor with another word', () => {
    expect(() => readShards('s', { compatible: 'openlm', regroup: { window: 2 } })).toThrow(/neighbours only/);
    expect(() => readShards('s', { compatible: 'webdataset' as never })).toThrow(/compatible: expected/);
  });
});
