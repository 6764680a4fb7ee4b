/** Array files as NumPy writes them, beside the values that it reads from them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeNpy, npzDecoder } from './index.ts';

const folder = join(import.meta.dirname, '../fixtures/numpy');
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
interface Case {
  file: string;
  dtype: string;
  shape: number[];
  values: string[];
}
const { cases }: { cases: Case[] } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
const numberOf = (text: string): number =>
  text === 'inf' ? Number.POSITIVE_INFINITY : text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text);

describe('decodeNpy', () => {
  it('has cases', () => expect(cases.length).toBeGreaterThan(15));
  it.each(cases)('$file', ({ file, dtype, shape, values }) => {
    const array = decodeNpy(read(file));
    expect(array).toMatchObject({ dtype, shape });
    expect(Array.from(array.data as ArrayLike<number | bigint>)).toEqual(
      typeof array.data[0] === 'bigint' ? values.map(BigInt) : values.map(numberOf),
    );
  });

  it.each([
    ['object.npy', 'unsupported', /elements of type "\|O"/],
    ['text.npy', 'unsupported', /"<U2"/],
    ['complex.npy', 'unsupported', /"<c16"/],
    ['records.npy', 'unsupported', /records of several fields/],
  ])('%s is refused', (file, code, message) => {
    expect(() => decodeNpy(read(file))).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('reports a file cut anywhere, and sizes that are lies, without taking memory for them', () => {
    const whole = read('c-float32.npy');
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeNpy(whole.subarray(0, length))).toThrow(expect.objectContaining({ code: 'undecodable' }));
    const lie = Buffer.from(
      Buffer.from(whole)
        .toString('latin1')
        .replace('(3, 4), }', '(9999999, 9999999), }')
        .replace(/ {16}\n/, '\n'),
      'latin1',
    );
    expect(() => decodeNpy(lie)).toThrow(/expected 399999920000004 bytes for shape/);
    expect(() => decodeNpy(Buffer.from('PK'))).toThrow(/begins with/);
  });
});

describe('npzDecoder', () => {
  const decode = npzDecoder();
  it.each(['stored.npz', 'deflated.npz'])('reads %s', (file) => {
    const arrays = decode(read(file));
    expect(Object.keys(arrays)).toEqual(['x', 'y']);
    expect(arrays['x']).toEqual({ dtype: 'float32', shape: [5], data: Float32Array.from([0, 1, 2, 3, 4]) });
    expect(arrays['y']).toEqual({ dtype: 'int64', shape: [2, 2], data: BigInt64Array.from([1n, 1n, 1n, 1n]) });
  });

  it('reports archives cut or damaged anywhere as a fault, or reads what they say', () => {
    for (const file of ['stored.npz', 'deflated.npz']) {
      const whole = read(file);
      for (let at = 0; at < whole.length; at++) {
        expect(() => decode(whole.subarray(0, at))).toThrow(expect.objectContaining({ name: 'WebDatasetError' }));
        const damaged = Uint8Array.from(whole);
        damaged[at]! ^= 0x41;
        try {
          decode(damaged);
        } catch (error) {
          expect(error).toMatchObject({
            name: 'WebDatasetError',
            code: expect.stringMatching(/undecodable|unsupported|limit/),
          });
        }
      }
    }
  });

  it('stops at its limits', () => {
    expect(() => npzDecoder({ maxArrays: 1 })(read('stored.npz'))).toThrow(expect.objectContaining({ code: 'limit' }));
    const limited = npzDecoder({ maxBytes: 200 });
    for (const file of ['stored.npz', 'deflated.npz'])
      expect(() => limited(read(file))).toThrow(
        expect.objectContaining({ code: 'limit', message: expect.stringContaining('maxBytes') }),
      );
  });

  it('stops a bomb: small when packed, large when not', () => {
    const zeros = new Uint8Array(50e6);
    const packed = deflateRawSync(zeros);
    const header = (signature: number, size: number): Buffer => {
      const block = Buffer.alloc(size);
      block.writeUInt32LE(signature, 0);
      return block;
    };
    const local = header(0x04034b50, 30);
    const central = header(0x02014b50, 46);
    central.writeUInt16LE(8, 10);
    central.writeUInt32LE(crc32(zeros), 16);
    central.writeUInt32LE(packed.length, 20);
    const end = header(0x06054b50, 22);
    end.writeUInt16LE(1, 10);
    end.writeUInt32LE(local.length + packed.length, 16);
    const bomb = Buffer.concat([local, packed, central, end]);
    expect(bomb.length).toBeLessThan(100_000);
    expect(() => npzDecoder({ maxBytes: 1e6 })(bomb)).toThrow(expect.objectContaining({ code: 'limit' }));
  });
});
