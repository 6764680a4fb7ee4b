import { gunzipSync } from 'node:zlib';
import { decodeNpy, type NpyArray } from './decode-npy.ts';
import { npzDecoder } from './decode-npz.ts';
import { WebDatasetError } from './errors.ts';
import type { Sample } from './sample-groups.ts';

/** Makes a value of a member's bytes. It may return a promise, which is handed on as it is. */
export type Decoder<T> = (bytes: Uint8Array, sample: Sample) => T;

/** Decoders by suffix: `{ json: decodeJson, 'seg.png': decodeImage }`. */
// biome-ignore lint/suspicious/noExplicitAny: each decoder has a type of its own
export type Decoders = Readonly<Record<string, Decoder<any>>>;

/** A sample whose members are decoded when they are first asked for. */
export type DecodedSample<D extends Decoders> = { readonly [Suffix in keyof D]: ReturnType<D[Suffix]> } & {
  readonly key: string;
  readonly sample: Sample;
};

const decoder = new TextDecoder('utf-8', { fatal: true });
const optionalDecoders = new WeakSet<object>();
const cache: unique symbol = Symbol('decoded members');

/** UTF-8 text; bytes that are none are an error. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** A JSON document. */
// biome-ignore lint/suspicious/noExplicitAny: what JSON.parse returns
export function decodeJson(bytes: Uint8Array): any {
  return JSON.parse(decoder.decode(bytes));
}

/** One JSON document a line. */
// biome-ignore lint/suspicious/noExplicitAny: what JSON.parse returns
export function decodeJsonLines(bytes: Uint8Array): any[] {
  return decodeText(bytes)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}

/** A whole number in digits: webdataset's `cls`, `index`, `id`. */
export function decodeInteger(bytes: Uint8Array): number {
  const text = decodeText(bytes).trim();
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new Error(`expected a whole number, got ${JSON.stringify(text.slice(0, 40))}`);
  return value;
}

/** For a member that may be missing: its value is then `undefined`. */
export function optional<T>(decode: Decoder<T>): Decoder<T | undefined> {
  const wrapped: Decoder<T | undefined> = (bytes, sample) => decode(bytes, sample);
  optionalDecoders.add(wrapped);
  return wrapped;
}

/** For members that are compressed on their own (`txt.gz`). `maxBytes` limits what comes out; default 2^30. */
export function gunzipped<T>(decode: Decoder<T>, maxBytes: number = 2 ** 30): Decoder<T> {
  return (bytes, sample) => {
    const unpacked = gunzipSync(bytes, { maxOutputLength: maxBytes });
    return decode(new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.length), sample);
  };
}

/** Decoders of suffixes that need no library: the ones of webdataset's `basichandlers`, without those that run code (`pyd`, `pth`). */
export const standardDecoders: {
  readonly txt: Decoder<string>;
  readonly text: Decoder<string>;
  readonly transcript: Decoder<string>;
  readonly cls: Decoder<number>;
  readonly cls2: Decoder<number>;
  readonly class: Decoder<number>;
  readonly count: Decoder<number>;
  readonly index: Decoder<number>;
  readonly inx: Decoder<number>;
  readonly id: Decoder<number>;
  // biome-ignore lint/suspicious/noExplicitAny: what JSON.parse returns
  readonly json: Decoder<any>;
  // biome-ignore lint/suspicious/noExplicitAny: what JSON.parse returns
  readonly jsn: Decoder<any>;
  // biome-ignore lint/suspicious/noExplicitAny: what JSON.parse returns
  readonly jsonl: Decoder<any[]>;
  readonly npy: Decoder<NpyArray>;
  readonly npz: Decoder<Record<string, NpyArray>>;
} = Object.freeze({
  txt: decodeText,
  text: decodeText,
  transcript: decodeText,
  cls: decodeInteger,
  cls2: decodeInteger,
  class: decodeInteger,
  count: decodeInteger,
  index: decodeInteger,
  inx: decodeInteger,
  id: decodeInteger,
  json: decodeJson,
  jsn: decodeJson,
  jsonl: decodeJsonLines,
  npy: decodeNpy,
  npz: npzDecoder(),
});

/**
 * Makes a function that shows a sample's members decoded. Nothing is decoded before it is asked for, and nothing twice.
 *
 * @param decoders by suffix; add yours for pictures: `{ ...standardDecoders, jpg: (bytes) => sharp(bytes).toBuffer() }`
 * @returns throws, when a member is asked for: WebDatasetError `missing-member` (wrap the decoder in {@link optional} if it may be missing) or
 *   `undecodable`, naming shard, key and member
 * @example
 * const decode = sampleDecoder({ ...standardDecoders, png: (bytes) => sharp(bytes).raw().toBuffer() });
 * for await (const sample of readShards(list)) {
 *   const { txt, png } = decode(sample); // string, Promise<Buffer>
 * }
 */
export function sampleDecoder<const D extends Decoders>(decoders: D): (sample: Sample) => DecodedSample<D> {
  for (const [suffix, decode] of Object.entries(decoders)) {
    if (typeof decode !== 'function' || suffix === 'key' || suffix === 'sample' || suffix !== suffix.toLowerCase()) {
      throw new WebDatasetError(
        'invalid-argument',
        `decoders: expected functions by lower-case suffix (and not "key" or "sample"), got ${JSON.stringify(suffix)}: ${typeof decode}`,
      );
    }
  }
  class View {
    readonly sample: Sample;
    readonly [cache] = new Map<string, unknown>();
    constructor(sample: Sample) {
      this.sample = sample;
    }
    get key(): string {
      return this.sample.key;
    }
  }
  for (const [suffix, decode] of Object.entries(decoders)) {
    Object.defineProperty(View.prototype, suffix, {
      enumerable: true,
      get(this: View) {
        const values = this[cache];
        if (!values.has(suffix)) values.set(suffix, decoded(this.sample, suffix, decode));
        return values.get(suffix);
      },
    });
  }
  return (sample) => new View(sample) as unknown as DecodedSample<D>;
}

function decoded(sample: Sample, suffix: string, decode: Decoder<unknown>): unknown {
  const { key, shard, members } = sample;
  const bytes = members[suffix];
  if (bytes === undefined) {
    if (optionalDecoders.has(decode)) return undefined;
    throw new WebDatasetError(
      'missing-member',
      `sample ${JSON.stringify(key)} has no member ".${suffix}", only ${Object.keys(members)
        .map((name) => `".${name}"`)
        .join(', ')}; wrap the decoder in optional() if it may be missing`,
      { shard, key },
    );
  }
  try {
    const value = decode(bytes, sample);
    return value instanceof Promise ? value.catch((error) => Promise.reject(named(error, sample, suffix))) : value;
  } catch (error) {
    throw named(error, sample, suffix);
  }
}

function named(error: unknown, { key, shard }: Sample, suffix: string): WebDatasetError {
  const code = WebDatasetError.isInstance(error) ? error.code : 'undecodable';
  const message = error instanceof Error ? error.message : String(error);
  const member = `${key}.${suffix}`;
  return new WebDatasetError(
    code,
    `member ${JSON.stringify(member)} cannot be decoded: ${message}`,
    { shard, key, member },
    error,
  );
}
