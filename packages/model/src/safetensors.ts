/** Safetensors in and out: the format in which weights travel between this project, PyTorch and the rest of the field. */
import { ModelError } from './model-error.ts';
import { sizeOf } from './parameters.ts';
import { parseSafetensorsHeader, type SafetensorsDType, type SafetensorsEntry } from './safetensors-header.ts';

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
    tensors.set(name, { dtype: entry.dtype, shape: entry.shape, data: decode(name, entry, bytes) });
  }
  return { tensors, metadata };
}

/**
 * Writes a file. The bytes depend on the content alone, not on the order of the record: tensors and metadata are sorted by name.
 * @param tensors float32 or int32 arrays with their shapes
 * @param metadata strings to keep beside them
 * @throws ModelError SHAPE_MISMATCH where an array does not fill its shape
 * @example await writeFile('model.safetensors', writeSafetensors({ 'norm.weight': { shape: [96], data } }, { step: '100' }));
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, { shape: readonly number[]; data: Float32Array | Int32Array }>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));
  const fields: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    fields.push(`"__metadata__":{${pairs.join(',')}}`);
  }
  let offset = 0;
  for (const [name, { shape, data }] of sorted) {
    if (name === '__metadata__') throw new ModelError('INVALID_INPUT', 'A tensor cannot be called "__metadata__".');
    if (sizeOf(shape) !== data.length) {
      throw new ModelError(
        'SHAPE_MISMATCH',
        `Tensor "${name}": expected [${shape.join(', ')}] = ${sizeOf(shape)} numbers, got ${data.length}.`,
      );
    }
    const dtype = data instanceof Float32Array ? 'F32' : 'I32';
    const entry = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8; // padded with spaces so that the tensors are aligned
  const bytes = new Uint8Array(8 + headerBytes + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, 8, 8 + headerBytes);
  bytes.set(json, 8);
  let at = 8 + headerBytes;
  for (const [, { data }] of sorted) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** Typed arrays here are little-endian on every platform Node runs on, as the format is. */
function decode(name: string, { dtype, begin, end }: SafetensorsEntry, bytes: Uint8Array): SafetensorsTensor['data'] {
  const copy = new Uint8Array(bytes.subarray(begin, end)); // aligned, whatever the offset was (a Buffer's slice would not copy)
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
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    default:
      throw new ModelError(
        'UNSUPPORTED_DTYPE',
        `Tensor "${name}": expected F32, F16, BF16, I32, I64 or U8, got ${dtype}; convert the file first.`,
      );
  }
}

function bfloat16ToFloat32(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
