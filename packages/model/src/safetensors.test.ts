import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelError } from './model-error.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { maxHeaderBytes } from './safetensors-header.ts';

/** A file with any header and `dataBytes` of tensors. */
function file(header: string | object, dataBytes = 0, declared?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, declared ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

describe('round trip', () => {
  const tensors = {
    'b.weight': { shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, 1e-40, Number.POSITIVE_INFINITY, 3) },
    a: { shape: [2], data: Int32Array.of(-5, 2147483647) },
    'empty "quoted" ü': { shape: [0, 4], data: new Float32Array(0) },
    scalar: { shape: [], data: Float32Array.of(7) },
    ['__proto__']: { shape: [1], data: Float32Array.of(9) },
  };

  it('keeps names, shapes, bits and metadata', () => {
    const read = readSafetensors(writeSafetensors(tensors, { step: '5', note: 'ü"\n' }));
    expect([...read.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      const tensor = read.tensors.get(name)!;
      expect(tensor.shape).toEqual(shape);
      expect(new Uint8Array(tensor.data.buffer)).toEqual(new Uint8Array(data.buffer));
    }
    expect(read.metadata).toEqual({ note: 'ü"\n', step: '5' });
  });

  it('reads a Buffer that is a window of a shared pool, and hands out copies', () => {
    const bytes = writeSafetensors(tensors);
    const pool = Buffer.alloc(bytes.length + 64, 0xff);
    const window = pool.subarray(3, 3 + bytes.length); // an odd offset, as files from Buffer's pool may have
    window.set(bytes);
    const read = readSafetensors(window);
    pool.fill(0);
    expect(read).toEqual(readSafetensors(bytes));
    const data = read.tensors.get('b.weight')!.data;
    expect(data.buffer.byteLength).toBe(data.byteLength);
  });

  it('rounds to F16 and BF16 where asked, and refuses what an array cannot be', () => {
    const data = Float32Array.of(1 / 3, -70000, 1e-8);
    const read = readSafetensors(
      writeSafetensors({ half: { shape: [3], data, dtype: 'F16' }, brain: { shape: [3], data, dtype: 'BF16' } }),
    ).tensors;
    expect(read.get('half')).toEqual({
      dtype: 'F16',
      shape: [3],
      data: Float32Array.of(0.333251953125, Number.NEGATIVE_INFINITY, 0),
    });
    expect(read.get('brain')).toEqual({
      dtype: 'BF16',
      shape: [3],
      data: Float32Array.of(0.333984375, -70144, 1.0011717677116394e-8),
    });
    const ints = { shape: [1], data: Int32Array.of(1), dtype: 'F16' } as const;
    expect(() => writeSafetensors({ ints })).toThrow(/"ints": expected to write it as I32, got F16/);
    expect(() => writeSafetensors({ data: { shape: [3], data, dtype: 'I64' } })).toThrow(/F32, F16 or BF16, got I64/);
  });

  it('keeps any tensors under any names', () => {
    const tensor = fc.tuple(fc.array(fc.nat(4), { maxLength: 3 }), fc.boolean()).chain(([shape, isFloat]) => {
      const size = { minLength: 0, maxLength: 64 };
      const numbers = isFloat ? fc.float32Array(size) : fc.int32Array(size);
      const count = shape.reduce((product, n) => product * n, 1);
      return numbers.map((values) => {
        const data = isFloat ? new Float32Array(count) : new Int32Array(count);
        data.set(values.subarray(0, count));
        return { shape, data };
      });
    });
    const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__metadata__');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, tensor)), fc.dictionary(fc.string(), fc.string()), (pairs, metadata) => {
        const record = Object.fromEntries(pairs);
        const read = readSafetensors(writeSafetensors(record, metadata));
        expect(read.metadata).toEqual({ ...metadata });
        expect(new Map([...read.tensors].map(([key, { shape, data }]) => [key, { shape, data }]))).toEqual(
          new Map(Object.entries(record)),
        );
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('reports nothing but its own errors, whatever byte of a file is changed', () => {
    const good = writeSafetensors(tensors, { step: '5' });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = good.slice();
        bytes[at]! ^= flip;
        try {
          readSafetensors(bytes);
        } catch (error) {
          expect(ModelError.isInstance(error)).toBe(true);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('writes bytes that depend on the content alone', () => {
    const shuffled = Object.fromEntries(Object.entries(tensors).reverse());
    expect(writeSafetensors(shuffled, { y: '2', x: '1' })).toEqual(writeSafetensors(tensors, { x: '1', y: '2' }));
  });

  it('starts the tensors at a multiple of eight', () => {
    const bytes = writeSafetensors({ abc: { shape: [1], data: Float32Array.of(1) } });
    expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n);
  });

  it('reads bytes at any offset of a larger buffer, and views into larger arrays', () => {
    const bytes = writeSafetensors({ a: { shape: [2], data: new Float32Array([0, 1, 2, 3]).subarray(1, 3) } });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(readSafetensors(shifted.subarray(3)).tensors.get('a')!.data).toEqual(Float32Array.of(1, 2));
    expect(readSafetensors(Buffer.from(shifted).subarray(3)).tensors.get('a')!.data).toEqual(Float32Array.of(1, 2));
  });

  it('refuses arrays that do not fill their shape', () => {
    expect(() => writeSafetensors({ a: { shape: [3], data: new Float32Array(2) } })).toThrow(
      /Tensor "a": expected \[3\] = 3 numbers, got 2/,
    );
  });
});

describe('what writers are given', () => {
  it('keeps I64 and U8', () => {
    const tensors = {
      a: { shape: [2], data: BigInt64Array.of(-1n, 2n ** 40n) },
      b: { shape: [3, 1], data: Uint8Array.of(255, 0, 3) },
    };
    const read = readSafetensors(writeSafetensors(tensors)).tensors;
    expect(read.get('a')).toEqual({ dtype: 'I64', ...tensors.a });
    expect(read.get('b')).toEqual({ dtype: 'U8', ...tensors.b });
    expect(() => writeSafetensors({ a: { ...tensors.a, dtype: 'F32' } })).toThrow(/to write it as I64, got F32/);
  });
  it.each<[string, unknown, unknown, RegExp]>([
    ['float64', [2], Float64Array.of(1, 2), /Tensor "w": expected a Float32Array, .*, got Float64Array/],
    ['a list', [2], [1, 2], /got Array/],
    ['clamped bytes', [2], new Uint8ClampedArray(2), /got Uint8ClampedArray/],
    ['nothing', [2], undefined, /got undefined/],
    ['a negative shape', [-2, -1], Float32Array.of(1, 2), /a shape of whole numbers from 0, got \[-2,-1\]/],
    ['a fractional shape', [0.5, 4], Float32Array.of(1, 2), /got \[0\.5,4\]/],
    ['no shape', undefined, Float32Array.of(1, 2), /a shape of whole numbers from 0, got undefined/],
  ])('refuses %s', (_, shape, data, message) => {
    expect(() => writeSafetensors({ w: { shape, data } as never })).toThrow(message);
  });
});

describe('dtypes', () => {
  const one = (dtype: string, bytes: ArrayBuffer, shape: number[]) => {
    const whole = file({ x: { dtype, shape, data_offsets: [0, bytes.byteLength] } }, bytes.byteLength);
    whole.set(new Uint8Array(bytes), whole.length - bytes.byteLength);
    return readSafetensors(whole).tensors.get('x')!.data;
  };
  it('widens F16 and BF16 exactly', () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x3555);
    expect(one('F16', halves.buffer, [7])).toEqual(
      Float32Array.of(1, -2, 65504, 2 ** -24, -0, Number.POSITIVE_INFINITY, 0.333251953125),
    );
    expect(one('BF16', Uint16Array.of(0x3f80, 0xc000, 0x0001, 0xff80).buffer, [4])).toEqual(
      Float32Array.of(1, -2, 2 ** -133, Number.NEGATIVE_INFINITY),
    );
  });
  it('keeps I64 and U8', () => {
    expect(one('I64', BigInt64Array.of(-1n, 2n ** 40n).buffer, [2])).toEqual(BigInt64Array.of(-1n, 2n ** 40n));
    expect(one('U8', Uint8Array.of(255, 0, 3).buffer, [3])).toEqual(Uint8Array.of(255, 0, 3));
  });
  it('names what it cannot read', () => {
    expect(() => one('F64', new ArrayBuffer(8), [1])).toThrow(/Tensor "x": expected F32.*got F64/);
    expect(() => one('F8', new ArrayBuffer(1), [1])).toThrow(/tensor "x": expected one of BOOL.*got "F8"/);
  });
});

describe('hostile files', () => {
  const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(0), /at least 8 bytes, got 0/],
    ['a cut header', file('{}', 0, 50n), /expected 50 header bytes, got 2/],
    ['a huge header', file('{}', 0, BigInt(maxHeaderBytes) + 1n), /at most 100000000 bytes, got 100000001/],
    ['the largest length', file('{}', 0, 2n ** 64n - 1n), /got 18446744073709551615/],
    ['no JSON', file('{"a":'), /a header in JSON/],
    ['a list', file('[]'), /start with "\{", got "\["/],
    ['white space in front', file(' {}'), /start with "\{", got " "/],
    ['bad UTF-8', Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d), /UTF-8/],
    ['bytes after the tensors', file({ a: f32(0, 4) }, 5), /expected 4 bytes of tensors, got 5/],
    ['bytes without a tensor', file({}, 4), /expected 0 bytes of tensors, got 4/],
    [
      'a gap',
      file({ a: f32(0, 4), b: f32(8, 12) }, 12),
      /"b" leaves a gap before it: expected it to begin at byte 4, got 8/,
    ],
    ['an overlap', file({ a: f32(0, 8), b: f32(4, 8) }, 8), /"b" overlaps the tensor before it/],
    ['the same bytes twice', file({ a: f32(0, 4), b: f32(0, 4) }, 4), /"b" overlaps/],
    ['offsets outside', file({ a: f32(0, 8) }, 4), /data_offsets \[begin, end\] within 4 bytes, got \[0,8\]/],
    ['offsets backwards', file({ a: f32(4, 0, [0]) }, 4), /got \[4,0\]/],
    ['negative offsets', file({ a: f32(-4, 0, [1]) }, 4), /got \[-4,0\]/],
    ['a shape that does not fit', file({ a: f32(0, 4, [2]) }, 4), /F32 \[2\] takes 8 bytes, got 4/],
    [
      'a shape whose product overflows',
      file({ a: f32(0, 4, [2 ** 52, 2 ** 52, 2 ** 52]) }, 4),
      /takes .* bytes, got 4/,
    ],
    ['a fractional shape', file({ a: f32(0, 4, [0.5, 2]) }, 4), /whole numbers, got \[0.5,2\]/],
    ['too many dimensions', file({ a: f32(0, 4, new Array<number>(33).fill(1)) }, 4), /at most 32 whole numbers/],
    [
      'a name twice',
      file(`{"a":${JSON.stringify(f32(0, 4))},"\\u0061":${JSON.stringify(f32(4, 8))}}`, 8),
      /"a" stands twice/,
    ],
    [
      'a field twice',
      file('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
      /"dtype" stands twice/,
    ],
    ['an unknown field', file({ a: { ...f32(0, 4), strides: [1] } }, 4), /unknown field "strides"/],
    ['metadata of numbers', file({ __metadata__: { step: 5 } }), /__metadata__ to map strings to strings/],
    [
      'a shape of lists without end',
      file(`{"a":{"dtype":"F32","shape":${'['.repeat(20_000)}${']'.repeat(20_000)},"data_offsets":[0,0]}}`),
      /at most 32 whole numbers, got lists or objects nested too deep/,
    ],
    [
      'a shape of a million numbers',
      file({ a: { dtype: 'F32', shape: new Array<number>(1e6).fill(1), data_offsets: [0, 0] } }),
      /got \[1,1,[1,]+… \(2000001 characters\)/,
    ],
    ['a name of a million letters', file({ ['x'.repeat(1e6)]: 5 }), /tensor "x+… \(1000002 characters\)/],
    ['a tensor that is a number', file({ a: 5 }), /tensor "a": expected an object, got 5/],
  ];
  it.each(cases)('%s', (_, bytes, message) => {
    let caught: unknown;
    try {
      readSafetensors(bytes);
    } catch (error) {
      caught = error;
    }
    expect(ModelError.isInstance(caught) && caught.code).toBe('INVALID_SAFETENSORS');
    expect((caught as Error).message).toMatch(message);
    expect((caught as Error).message.length).toBeLessThan(1000);
  });

  it('does not confuse strings that look like structure', () => {
    const { metadata } = readSafetensors(file({ __metadata__: { a: '{"b":1,"b":2}', b: '\\"a":' } }));
    expect(metadata).toEqual({ a: '{"b":1,"b":2}', b: '\\"a":' });
  });
});
