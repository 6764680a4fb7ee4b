/**
 * The header of a safetensors file: 8 bytes of length (little-endian), then JSON `{ name: { dtype, shape, data_offsets } }`, then the
 * tensors' bytes without gaps. Checked as strictly as the reference reader (huggingface/safetensors), because such files come from
 * strangers: every limit below is named, and nothing is allocated before the header has been found consistent.
 */
import { ModelError } from './model-error.ts';

/** The reference's limit; the header of a 7B model takes about 40 kB. */
export const maxHeaderBytes = 100_000_000;
/** Far above any real tensor (at most 5 or 6), low enough to keep products cheap. */
export const maxDimensions = 32;
/** Characters of one value of the file in a message. */
const maxShown = 200;

const bytesPerElement = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

export type SafetensorsDType = keyof typeof bytesPerElement;

/** What a header says of a tensor beside its place. */
export interface StoredTensor {
  dtype: SafetensorsDType;
  shape: readonly number[];
}

export interface SafetensorsEntry extends StoredTensor {
  shape: number[];
  /** First byte and the byte after the last, counted from the start of the file. */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  /** In the order of their bytes. */
  entries: Map<string, SafetensorsEntry>;
  metadata: Record<string, string>;
  /** Where the tensors' bytes begin in the file. */
  dataStart: number;
}

/**
 * @param bytes at least the first 8 + header bytes of the file
 * @param fileBytes length of the whole file (default: that of `bytes`)
 * @throws ModelError INVALID_SAFETENSORS
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileBytes: number = bytes.length): SafetensorsHeader {
  if (bytes.length < 8) throw invalid(`expected at least 8 bytes, got ${bytes.length}`);
  const declared = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (declared > BigInt(maxHeaderBytes)) {
    throw invalid(`expected a header of at most ${maxHeaderBytes} bytes, got ${declared}; is this a safetensors file?`);
  }
  const dataStart = 8 + Number(declared);
  if (dataStart > bytes.length) {
    throw invalid(`expected ${declared} header bytes, got ${bytes.length - 8}; is the file complete?`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, dataStart));
  } catch (cause) {
    throw invalid('expected a header in UTF-8', { cause });
  }
  if (!text.startsWith('{'))
    throw invalid(`expected the header to start with "{", got ${JSON.stringify(text[0] ?? '')}`);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw invalid('expected a header in JSON', { cause });
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw invalid(`the name ${show(duplicate)} stands twice in one object of the header`);

  const dataBytes = fileBytes - dataStart;
  const list: [string, SafetensorsEntry][] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = readMetadata(value);
    else list.push([name, readEntry(name, value, dataBytes, dataStart)]);
  }
  list.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = dataStart;
  for (const [name, entry] of list) {
    if (entry.begin !== at) {
      const what = entry.begin < at ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw invalid(
        `tensor ${show(name)} ${what}: expected it to begin at byte ${at - dataStart}, got ${entry.begin - dataStart}`,
      );
    }
    at = entry.end;
  }
  if (at !== fileBytes) throw invalid(`expected ${at - dataStart} bytes of tensors, got ${dataBytes}`);
  return { entries: new Map(list), metadata, dataStart };
}

/**
 * Length and JSON of a header, padded with spaces to a multiple of 8 so that tensors are aligned: byte for byte what the reference writes.
 * @param tensors name and kind, in the order of their bytes
 */
export function encodeHeader(
  tensors: readonly (readonly [name: string, tensor: StoredTensor])[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let offset = 0;
  for (const [name, { dtype, shape }] of tensors) {
    if (name === '__metadata__') throw new ModelError('INVALID_INPUT', 'A tensor cannot be called "__metadata__".');
    const end = offset + shape.reduce((product, n) => product * n, bytesPerElement[dtype]);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

function readEntry(name: string, value: unknown, dataBytes: number, dataStart: number): SafetensorsEntry {
  const at = `tensor ${show(name)}`;
  if (typeof value !== 'object' || value === null) throw invalid(`${at}: expected an object, got ${show(value)}`);
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  const extra = Object.keys(value).find((key) => !['dtype', 'shape', 'data_offsets'].includes(key));
  if (extra !== undefined) throw invalid(`${at}: unknown field ${show(extra)}`);
  if (typeof dtype !== 'string' || !Object.hasOwn(bytesPerElement, dtype)) {
    throw new ModelError(
      'UNSUPPORTED_DTYPE',
      `${at}: expected one of ${Object.keys(bytesPerElement).join(', ')}, got ${show(dtype)}.`,
    );
  }
  if (!isCounts(shape) || shape.length > maxDimensions) {
    throw invalid(`${at}: expected a shape of at most ${maxDimensions} whole numbers, got ${show(shape)}`);
  }
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]! || offsets[1]! > dataBytes) {
    throw invalid(`${at}: expected data_offsets [begin, end] within ${dataBytes} bytes, got ${show(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((product, n) => product * n, bytesPerElement[dtype as SafetensorsDType]);
  if (expected !== end - begin) {
    throw invalid(`${at}: ${dtype} [${shape.join(', ')}] takes ${expected} bytes, got ${end - begin}`);
  }
  return { dtype: dtype as SafetensorsDType, shape, begin: dataStart + begin, end: dataStart + end };
}

function readMetadata(value: unknown): Record<string, string> {
  const ok = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!ok || !Object.values(value).every((v) => typeof v === 'string')) {
    throw invalid('expected __metadata__ to map strings to strings');
  }
  return Object.fromEntries(Object.entries(value)) as Record<string, string>;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** JSON.parse silently keeps the last of two equal keys; this walks the (already valid) text and reports the first repeat. */
function findDuplicateKey(json: string): string | undefined {
  const seen: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    if (json[i] === '{') seen.push(new Set());
    else if (json[i] === '}') seen.pop();
    else if (json[i] === '"') {
      const start = i++;
      while (json[i] !== '"') i += json[i] === '\\' ? 2 : 1;
      let next = i + 1;
      while (' \t\r\n'.includes(json[next]!)) next++;
      if (json[next] !== ':') continue;
      const key = JSON.parse(json.slice(start, i + 1)) as string;
      if (seen.at(-1)!.has(key)) return key;
      seen.at(-1)!.add(key);
    }
  }
  return undefined;
}

/** A value of the file for a message: a file from a stranger may hold megabytes here, or lists in lists without end. */
function show(value: unknown): string {
  try {
    const text = JSON.stringify(value);
    return text.length <= maxShown ? text : `${text.slice(0, maxShown)}… (${text.length} characters)`;
  } catch (error) {
    if (error instanceof RangeError) return 'lists or objects nested too deep';
    throw error;
  }
}

function invalid(what: string, options?: ErrorOptions): ModelError {
  return new ModelError('INVALID_SAFETENSORS', `Not a valid safetensors file: ${what}.`, options);
}
