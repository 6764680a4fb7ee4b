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
  data: Float32Array | Int32Array;
  /** Default: F32 or I32, as the array is. */
  dtype?: SafetensorsDType;
}

/**
 * Writes a file. The bytes depend on the content alone, not on the order of the record: tensors and metadata are sorted by name.
 * @param tensors float32 or int32 arrays with their shapes
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
    return [name, { dtype: dtype ?? ownDType(data), shape }];
  });
  const sortedMetadata = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  return concatBytes([encodeHeader(entries, sortedMetadata), ...parts]);
}

/**
 * The numbers of one tensor as a file holds them.
 * @throws ModelError SHAPE_MISMATCH, UNSUPPORTED_DTYPE
 */
export function encodeTensor(name: string, { shape, data, dtype = ownDType(data) }: SafetensorsInput): Uint8Array {
  if (sizeOf(shape) !== data.length) {
    throw new ModelError(
      'SHAPE_MISMATCH',
      `Tensor "${name}": expected [${shape.join(', ')}] = ${sizeOf(shape)} numbers, got ${data.length}.`,
    );
  }
  if (dtype === ownDType(data)) return bytesOf(data);
  if (data instanceof Float32Array && dtype === 'BF16') return bytesOf(float32ToBfloat16(data));
  if (data instanceof Float32Array && dtype === 'F16') return bytesOf(float32ToHalf(data));
  const choices = data instanceof Float32Array ? 'F32, F16 or BF16' : 'I32';
  throw new ModelError('UNSUPPORTED_DTYPE', `Tensor "${name}": expected to write it as ${choices}, got ${dtype}.`);
}

function ownDType(data: Float32Array | Int32Array): SafetensorsDType {
  return data instanceof Float32Array ? 'F32' : 'I32';
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
