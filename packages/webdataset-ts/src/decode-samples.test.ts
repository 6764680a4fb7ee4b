import { gzipSync } from 'node:zlib';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  decodeJson,
  decodeText,
  gunzipped,
  optional,
  readShards,
  type Sample,
  sampleDecoder,
  standardDecoders,
} from './index.ts';
import { memorySource, tarOf } from './testing/tar-bytes.ts';

async function sampleOf(members: Record<string, string | Uint8Array>): Promise<Sample> {
  const source = memorySource({
    s: tarOf(...Object.entries(members).map(([suffix, bytes]) => [`k.${suffix}`, bytes] as const)),
  });
  return (await readShards('s', { source }).next()).value!;
}

describe('sampleDecoder', () => {
  it('decodes by suffix, typed, each member once and when it is asked for', async () => {
    let calls = 0;
    const decode = sampleDecoder({
      ...standardDecoders,
      png: async (bytes) => {
        calls++;
        return bytes.length;
      },
    });
    const view = decode(
      await sampleOf({ txt: 'a fox', json: '{"a":1}', cls: '7\n', jsonl: '1\n{"b":2}\n\n', png: 'xyz' }),
    );
    expectTypeOf<typeof view.txt>().toEqualTypeOf<string>();
    expectTypeOf<typeof view.cls>().toEqualTypeOf<number>();
    expectTypeOf<typeof view.png>().toEqualTypeOf<Promise<number>>();
    const { txt, json, cls, jsonl } = view;
    expect({ txt, json, cls, jsonl, key: view.key }).toEqual({
      txt: 'a fox',
      json: { a: 1 },
      cls: 7,
      jsonl: [1, { b: 2 }],
      key: 'k',
    });
    expect(calls).toBe(0);
    expect(await view.png).toBe(3);
    expect(await view.png).toBe(3);
    expect(calls).toBe(1);
  });

  it('keeps members apart that are called like its own parts', async () => {
    const decode = sampleDecoder({ values: decodeText, constructor: decodeText, 'seg.png': (bytes) => bytes.length });
    const view = decode(await sampleOf({ values: 'v', constructor: 'c', 'seg.png': 'four' }));
    expect([view.values, view.constructor, view['seg.png']]).toEqual(['v', 'c', 4]);
  });

  it('takes members that may be missing, and members compressed on their own', async () => {
    const decode = sampleDecoder({
      txt: optional(decodeText),
      json: optional(decodeJson),
      'txt.gz': gunzipped(decodeText),
    });
    const view = decode(await sampleOf({ json: '[]', 'txt.gz': gzipSync('a fox') }));
    expectTypeOf<typeof view.txt>().toEqualTypeOf<string | undefined>();
    expect([view.txt, view.json, view['txt.gz']]).toEqual([undefined, [], 'a fox']);
    const small = sampleDecoder({ 'txt.gz': gunzipped(decodeText, 1000) });
    const bomb = await sampleOf({ 'txt.gz': gzipSync('x'.repeat(1e6)) });
    expect(() => small(bomb)['txt.gz']).toThrow(/cannot be decoded: Cannot create a Buffer larger than 1000/);
  });

  it.each([
    ['txt', new Uint8Array([0xff]), /not valid for encoding utf-8/i],
    ['json', '{"a":', /JSON/],
    ['jsonl', '1\n{', /JSON/],
    ['cls', 'cat', /expected a whole number, got "cat"/],
    ['npy', 'no', /NUMPY/],
    ['npz', 'no', /zip archive/],
  ] as const)('names shard, key and member where .%s is not what it should be', async (suffix, bytes, message) => {
    const view = sampleDecoder(standardDecoders)(await sampleOf({ [suffix]: bytes }));
    expect(() => view[suffix]).toThrow(
      expect.objectContaining({
        code: 'undecodable',
        shard: 's',
        key: 'k',
        member: `k.${suffix}`,
        message: expect.stringMatching(message),
      }),
    );
  });

  it('names them where a promise fails, too', async () => {
    const decode = sampleDecoder({ png: () => Promise.reject(new Error('no picture')) });
    await expect(decode(await sampleOf({ png: 'x' })).png).rejects.toMatchObject({
      code: 'undecodable',
      message: 's: member "k.png" cannot be decoded: no picture',
    });
  });

  it('says what a sample has instead of a missing member', async () => {
    const sample = await sampleOf({ txt: 'x', 'seg.png': '' });
    expect(() => sampleDecoder(standardDecoders)(sample).json).toThrow(
      expect.objectContaining({
        code: 'missing-member',
        message:
          's: sample "k" has no member ".json", only ".txt", ".seg.png"; wrap the decoder in optional() if it may be missing',
      }),
    );
  });

  it('refuses decoders that cannot be', () => {
    expect(() => sampleDecoder({ PNG: decodeText })).toThrow(/lower-case suffix/);
    expect(() => sampleDecoder({ key: decodeText })).toThrow(/not "key"/);
    expect(() => sampleDecoder({ txt: 'utf8' as never })).toThrow(/"txt": string/);
  });
});
