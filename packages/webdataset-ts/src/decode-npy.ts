/**
 * NumPy's array files, versions 1 to 3 (numpy/lib/format.py describes them): numbers and booleans of either byte order. Headers are
 * literals of Python that are matched, never evaluated; pickled objects are refused.
 */
import { WebDatasetError } from './errors.ts';

/** Elements of an array file. */
export type NpyData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** An array as NumPy wrote it, in C order. */
export interface NpyArray {
  /** NumPy's name of the type: `float32`, `int64`, `bool`, … `float16` is held as float32. */
  dtype: string;
  /** Sizes, outermost first; empty for a single number. */
  shape: number[];
  data: NpyData;
}

type TypedArrayClass = { new (buffer: ArrayBuffer): NpyData; readonly BYTES_PER_ELEMENT: number };
const types: Readonly<Record<string, readonly [name: string, type: TypedArrayClass]>> = {
  b1: ['bool', Uint8Array],
  i1: ['int8', Int8Array],
  u1: ['uint8', Uint8Array],
  i2: ['int16', Int16Array],
  u2: ['uint16', Uint16Array],
  i4: ['int32', Int32Array],
  u4: ['uint32', Uint32Array],
  i8: ['int64', BigInt64Array],
  u8: ['uint64', BigUint64Array],
  f2: ['float16', Uint16Array],
  f4: ['float32', Float32Array],
  f8: ['float64', Float64Array],
};
const magic = '\x93NUMPY';
const maxHeaderBytes = 1 << 16;
const maxDimensions = 64;

/**
 * Reads a `.npy` file. Memory is taken for what is there, never for what the header claims.
 *
 * @throws WebDatasetError `undecodable` for damaged files; `unsupported` for types without a counterpart (objects, text, complex numbers)
 */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  const { descr, fortran, shape, start } = parseHeader(bytes);
  const match = /^([<>|=])([biuf][1248])$/.exec(descr);
  const type = match === null ? undefined : types[match[2]!];
  if (match === null || type === undefined) {
    throw new WebDatasetError(
      'unsupported',
      `npy: elements of type ${JSON.stringify(descr)}; expected numbers or booleans (${Object.keys(types).join(', ')}): save the array as one of these`,
    );
  }
  const [dtype, Type] = type;
  const width = Type.BYTES_PER_ELEMENT;
  const count = shape.reduce((product, size) => product * size, 1);
  if (count * width !== bytes.length - start) {
    throw undecodable(`expected ${count * width} bytes for shape [${shape.join(', ')}], got ${bytes.length - start}`);
  }
  const raw = new Uint8Array(bytes.subarray(start)); // not slice(): a Buffer's does not copy
  if (match[1] === '>' && width > 1) swapBytes(raw, width);
  let data = new Type(raw.buffer);
  if (dtype === 'float16') data = fromHalf(data as Uint16Array);
  if (fortran && shape.length > 1) data = toRowMajor(data, shape);
  return { dtype, shape, data };
}

function parseHeader(bytes: Uint8Array): { descr: string; fortran: boolean; shape: number[]; start: number } {
  const latin1 = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString('latin1');
  if (latin1(0, 6) !== magic)
    throw undecodable(`expected a file that begins with "\\x93NUMPY", got ${JSON.stringify(latin1(0, 6))}`);
  const version = bytes[6];
  if (version === undefined || version < 1 || version > 3) throw undecodable(`expected version 1 to 3, got ${version}`);
  const lengthBytes = version === 1 ? 2 : 4;
  let length = 0;
  for (let i = lengthBytes - 1; i >= 0; i--) length = length * 256 + (bytes[8 + i] ?? 0);
  const start = 8 + lengthBytes + length;
  if (length > maxHeaderBytes || start > bytes.length)
    throw undecodable(`expected a header of at most ${maxHeaderBytes} bytes within the file, got one of ${length}`);
  const header = latin1(8 + lengthBytes, start);
  const descr = /'descr'\s*:\s*'([^']{1,16})'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (descr === undefined && /'descr'\s*:\s*\[/.test(header)) {
    throw new WebDatasetError('unsupported', 'npy: records of several fields; save each field as an array of its own');
  }
  if (descr === undefined || order === undefined || sizes === undefined)
    throw undecodable(
      `expected a header with descr, fortran_order and shape, got ${JSON.stringify(header.slice(0, 100))}`,
    );
  const shape = sizes
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map(Number);
  if (shape.length > maxDimensions || !shape.every(Number.isSafeInteger))
    throw undecodable(`unusable shape (${sizes.slice(0, 100)})`);
  return { descr, fortran: order === 'True', shape, start };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/** IEEE 754 binary16 to binary32. */
function fromHalf(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const sign = half & 0x8000 ? -1 : 1;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  });
}

/** From the first index changing fastest to the last one. */
function toRowMajor(data: NpyData, shape: readonly number[]): NpyData {
  const out = data.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  const index = new Array<number>(shape.length).fill(0);
  for (let to = 0, from = 0; to < data.length; to++) {
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      from += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

function undecodable(message: string): WebDatasetError {
  return new WebDatasetError('undecodable', `npy: ${message}`);
}
