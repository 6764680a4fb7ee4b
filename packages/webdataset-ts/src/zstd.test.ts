import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import xxhash from 'xxhash-wasm';
import { readWithFaults } from './testing/read-all.ts';
import { memorySource, tarOf } from './testing/tar-bytes.ts';

const { h64Raw } = await xxhash();
const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '../fixtures', name)));
/** Two frames with checksums, made by the zstd tool, and a skippable one between them. */
const frames = fixture('basic-ustar-frames.tar.zst');

type Block = readonly ['raw', Uint8Array] | readonly ['repeat', number, string];
const raw = (text: string): Block => ['raw', Buffer.from(text)];

/** A frame with a checksum. @param descriptor of the window: 2^(10 + descriptor / 8) bytes */
function frameOf(blocks: readonly Block[], { descriptor = 8 << 3, flags = 4, fields = [] as number[] } = {}): Buffer {
  const parts: Uint8Array[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, flags, descriptor, ...fields])];
  const contents: Uint8Array[] = [];
  for (const [i, [kind, what, letter]] of blocks.entries()) {
    const content = kind === 'raw' ? what : Buffer.alloc(what, letter);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(Number(i === blocks.length - 1) | (kind === 'raw' ? 0 : 2) | (content.length << 3));
    parts.push(head.subarray(0, 3), kind === 'raw' ? content : Buffer.from(letter));
    contents.push(content);
  }
  const checksum = Buffer.alloc(8);
  checksum.writeBigUInt64LE(h64Raw(Buffer.concat(contents)));
  return Buffer.concat([...parts, checksum.subarray(0, 4)]);
}

/** Frames that carry no data. */
function skippable(length: number, magic = 0x50): Buffer {
  const frame = Buffer.alloc(8 + length, 0xaa);
  frame.set([magic, 0x2a, 0x4d, 0x18]);
  frame.writeUInt32LE(length, 4);
  return frame;
}

const readLines = async (bytes: Uint8Array, limits = {}) => readWithFaults({ 's.jsonl.zst': bytes }, { limits });

describe('zstd', () => {
  it('with any bit changed is never read as other samples without a fault', async () => {
    const whole = (await readWithFaults({ s: frames })).samples;
    for (let bit = 0; bit < frames.length * 8; bit += 37) {
      const damaged = Uint8Array.from(frames);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const { samples, faults } = await readWithFaults({ s: damaged });
      // Some bits change nothing: the size of the window, what a skippable frame holds.
      if (faults.length === 0) expect(samples).toEqual(whole);
    }
  });

  it('is held to its checksum also where it is not compressed', async () => {
    const bytes = frameOf([raw('{"a":1}\n{"a":2}\n')]);
    expect((await readLines(bytes)).faults).toEqual([]);
    bytes[bytes.indexOf('2')]! ^= 1;
    const { samples, faults } = await readLines(bytes);
    expect(samples).toHaveLength(2); // known to be wrong at the end of the frame only
    expect(faults).toMatchObject([{ code: 'corrupt', message: expect.stringMatching(/checksum differs/) }]);
  });

  it('may begin with a skippable frame, as pzstd writes it, and have more of them anywhere', async () => {
    for (const magic of [0x50, 0x5f]) {
      const bytes = Buffer.concat([
        skippable(4, magic),
        frameOf([raw('{"a":1}\n')]),
        skippable(0, magic),
        skippable(9),
      ]);
      const { samples, faults } = await readLines(bytes);
      expect(faults).toEqual([]);
      expect(samples).toEqual(['s.jsonl.zst#0 000000000 json={"a":1}']);
    }
    expect((await readLines(skippable(9).subarray(0, 12))).faults).toMatchObject([{ code: 'truncated' }]);
  });

  it('cut anywhere but between frames is truncated, whatever the size of its pieces', async () => {
    const one = frameOf([raw('{"a":1}\n'), ['repeat', 0, 'A'], raw('{"a":2}\n')]);
    for (let length = 4; length < one.length; length++)
      expect((await readLines(one.subarray(0, length))).faults.map(({ code }) => code)).toContain('truncated');
    const two = Buffer.concat([one, one]);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), async (chunkBytes) => {
        const source = memorySource({ 's.jsonl.zst': two }, chunkBytes);
        const { samples, faults } = await readWithFaults({ 's.jsonl.zst': two }, { source });
        expect([samples.length, faults]).toEqual([4, []]);
      }),
      { numRuns: 20 },
    );
  });

  it('has a limit on the window', async () => {
    const wide = (descriptor: number) => frameOf([raw('{"a":1}\n')], { descriptor });
    expect((await readLines(wide(17 << 3))).faults).toEqual([]);
    for (const [bytes, limits] of [
      [wide((17 << 3) | 1), {}],
      [wide(21 << 3), {}],
      [wide(8 << 3), { maxWindowBytes: 2 ** 17 }],
    ] as const)
      expect((await readLines(bytes, limits)).faults).toMatchObject([
        { code: 'limit', message: expect.stringMatching(/limits\.maxWindowBytes/) },
      ]);
    expect((await readLines(wide((17 << 3) | 1), { maxWindowBytes: 2 ** 28 })).faults).toEqual([]);
  });

  it('whose blocks hold next to nothing behind a wide window ends before it costs time', async () => {
    const blocks = Array.from({ length: 60 }, () => ['repeat', 1, 'A'] as const);
    const { faults } = await readLines(frameOf(blocks, { descriptor: 16 << 3 }));
    expect(faults).toMatchObject([{ code: 'limit', message: expect.stringMatching(/next to nothing/) }]);
    const narrow = await readLines(frameOf([raw('"'), ...blocks, raw('"\n')]));
    expect([narrow.faults, narrow.samples.length]).toEqual([[], 1]);
  });

  it('says what is wrong with a frame', async () => {
    const content = raw('{"a":1}\n');
    for (const [bytes, code, message] of [
      [frameOf([content], { flags: 4 | 0x40, fields: [1, 0] }), 'corrupt', /says 257 bytes, it holds 8/],
      [frameOf([content], { flags: 4 | 1, fields: [7] }), 'unsupported', /dictionary 7/],
      [frameOf([content], { flags: 4 | 8 }), 'corrupt', /reserved/],
      [Buffer.concat([frameOf([content]), Buffer.from('rest of something')]), 'corrupt', /at byte 21 of the file/],
      [frameOf([['repeat', 2000, 'A']], { descriptor: 0 }), 'corrupt', /a block of 2000 bytes/],
    ] as const)
      expect((await readLines(bytes)).faults).toMatchObject([{ code, message: expect.stringMatching(message) }]);
    expect((await readLines(frameOf([content], { flags: 4 | 1, fields: [0] }))).faults).toEqual([]);
  });
});

describe('the first bytes', () => {
  it('of names are not taken for compression', async () => {
    for (const name of ['BZhang.txt', 'BZh9.txt', ']'])
      expect((await readWithFaults({ s: tarOf([name, 'text']) })).faults).toEqual([]);
    for (const head of [Buffer.from('BZh91AY&SY'), Buffer.from('BZh9\x17rE8P\x90', 'latin1')])
      expect((await readWithFaults({ s: Buffer.concat([head, Buffer.alloc(512)]) })).faults).toMatchObject([
        { code: 'unsupported', message: expect.stringMatching(/bzip2/) },
      ]);
    const lzma = Buffer.concat([Buffer.from([0x5d, 0, 0, 0x80, 0]), Buffer.alloc(512, 0xff)]);
    expect((await readWithFaults({ s: lzma })).faults).toMatchObject([{ message: expect.stringMatching(/lzma/) }]);
  });
});
