/** Safetensors in and out: the format in which weights travel between this project, PyTorch and the rest of the field. */
import { bfloat16ToFloat32, float32ToBfloat16, float32ToHalf, halfToFloat32 } from './half-precision.ts';
import { ModelError } from './model-error.ts';
import { sizeOf } from './parameters.ts';
import {
  encodeHeader,
  parseSafetensorsHeader,
  type SafetensorsDType,
  type StoredTensor,
} from './safetensors-header.ts';

export interface SafetensorsTensor {
  dtype: SafetensorsDType;
  shape: number[];
  /** F32, F16 and BF16 arrive as float32; I32, I64 and U8 as they are. A copy, row-major. */
  data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

export interface SafetensorsFile {
  /** A map, so that no tensor's name can collide with an object's own. In the order of the bytes. */
  tensors: Map<string, SafetensorsTensor>;
  metadata: Record<string, string>;
}

/**
 * Reads a whole file.
 * @param bytes the file
 * @throws ModelError INVALID_SAFETENSORS on anything inconsistent, UNSUPPORTED_DTYPE on dtypes other than F32, F16, BF16, I32, I64, U8
 * @example const { tensors } = readSafetensors(await readFile('model.safetensors'));
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { entries, metadata } = parseSafetensorsHeader(bytes);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, entry] of entries) {
    tensors.set(name, {
      dtype: entry.dtype,
      shape: entry.shape,
      data: decodeTensor(name, entry.dtype, bytes.subarray(entry.begin, entry.end)),
    });
  }
  return { tensors, metadata };
}

/** What goes into a file. Float32 numbers are rounded to the nearest F16 or BF16 (ties to even) where `dtype` says so. */
export interface SafetensorsInput {
  shape: readonly number[];
  data: SafetensorsTensor['data'];
  /** Default: F32, I32, I64 or U8, as the array is. */
  dtype?: SafetensorsDType;
}

/**
 * Writes a file. The bytes depend on the content alone, not on the order of the record: tensors and metadata are sorted by name.
 * @param tensors arrays with their shapes: float32, int32, int64 (`BigInt64Array`) or uint8
 * @param metadata strings to keep beside them
 * @throws ModelError SHAPE_MISMATCH where an array does not fill its shape, UNSUPPORTED_DTYPE for what an array cannot be written as
 * @example await writeFile('model.safetensors', writeSafetensors({ 'norm.weight': { shape: [96], data } }, { step: '100' }));
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, SafetensorsInput>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = sorted.map(([name, tensor]) => encodeTensor(name, tensor));
  const entries = sorted.map(([name, { shape, data, dtype }]): [string, StoredTensor] => {
    return [name, { dtype: dtype ?? ownDType(name, data), shape }];
  });
  const sortedMetadata = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  return concatBytes([encodeHeader(entries, sortedMetadata), ...parts]);
}

/**
 * The numbers of one tensor as a file holds them.
 * @throws ModelError SHAPE_MISMATCH, UNSUPPORTED_DTYPE
 */
export function encodeTensor(name: string, { shape, data, dtype }: SafetensorsInput): Uint8Array {
  const own = ownDType(name, data);
  const isShape = Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!isShape || sizeOf(shape) !== data.length) {
    const expected = isShape ? `[${shape.join(', ')}] = ${sizeOf(shape)} numbers` : 'a shape of whole numbers from 0';
    const got = isShape ? data.length : JSON.stringify(shape);
    throw new ModelError('SHAPE_MISMATCH', `Tensor "${name}": expected ${expected}, got ${got}.`);
  }
  if (dtype === undefined || dtype === own) return bytesOf(data);
  if (data instanceof Float32Array && dtype === 'BF16') return bytesOf(float32ToBfloat16(data));
  if (data instanceof Float32Array && dtype === 'F16') return bytesOf(float32ToHalf(data));
  const choices = own === 'F32' ? 'F32, F16 or BF16' : own;
  throw new ModelError('UNSUPPORTED_DTYPE', `Tensor "${name}": expected to write it as ${choices}, got ${dtype}.`);
}

/** @throws ModelError UNSUPPORTED_DTYPE */
function ownDType(name: string, data: SafetensorsTensor['data']): SafetensorsDType {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Int32Array) return 'I32';
  if (data instanceof BigInt64Array) return 'I64';
  if (data instanceof Uint8Array) return 'U8';
  const got = (data as object | undefined)?.constructor.name ?? String(data);
  throw new ModelError(
    'UNSUPPORTED_DTYPE',
    `Tensor "${name}": expected a Float32Array, Int32Array, BigInt64Array or Uint8Array, got ${got}.`,
  );
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Typed arrays here are little-endian on every platform Node runs on, as the format is.
 * @throws ModelError UNSUPPORTED_DTYPE
 */
export function decodeTensor(name: string, dtype: SafetensorsDType, bytes: Uint8Array): SafetensorsTensor['data'] {
  const copy = new Uint8Array(bytes); // aligned, whatever the offset was, and apart: a Buffer's own slice is a view of a shared pool
  const { buffer } = copy;
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'I64':
      return new BigInt64Array(buffer);
    case 'U8':
      return copy;
    case 'BF16':
      return bfloat16ToFloat32(new Uint16Array(buffer));
    case 'F16':
      return halfToFloat32(new Uint16Array(buffer));
    default:
      throw new ModelError(
        'UNSUPPORTED_DTYPE',
        `Tensor "${name}": expected F32, F16, BF16, I32, I64 or U8, got ${dtype}; convert the file first.`,
      );
  }
}
