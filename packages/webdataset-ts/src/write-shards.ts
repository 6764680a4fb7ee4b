import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFields } from './check-fields.ts';
import { WebDatasetError } from './errors.ts';
import { KeySet } from './key-set.ts';
import { isReservedName, splitMemberName } from './member-name.ts';
import { ShardFile } from './shard-file.ts';
import { writeShardIndex } from './shard-index.ts';
import { encodeMemberHeader, endOfArchive, paddingOf } from './tar-encode.ts';

/** Where and how shards are written. */
export interface WriteShardsOptions {
  /** Folder of the shards; made if it is absent. */
  directory: string;
  /** Shards are called `PREFIX-000000.tar`, `PREFIX-000001.tar`, … */
  prefix: string;
  /** Most samples in one shard. Default 100,000. */
  maxSamples?: number | undefined;
  /** Most bytes in one shard before compression, headers and end marker included; one sample may be larger. Default 3e9. */
  maxBytes?: number | undefined;
  /** `tar` (default) or `tar.gz`. */
  format?: 'tar' | 'tar.gz' | undefined;
  /** Also writes an index beside each shard (`SHARD.idx.json`), for `openShard`. Plain tar only. */
  index?: boolean | undefined;
}

/** One sample to write: its members by suffix (`png`, `txt`, `seg.png`); strings are written as UTF-8. */
export interface SampleToWrite {
  key: string;
  members: Readonly<Record<string, Uint8Array | string>>;
}

/** A finished shard. */
export interface WrittenShard {
  /** As a file's name; `readShards` takes patterns, so give it `literalShard(path)`. */
  path: string;
  samples: number;
  /** Size on disk. */
  bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  sha256: string;
  /** Path of its index, if one was asked for. */
  index?: string;
}

/** Takes samples one after the other; see {@link writeShards}. */
export interface ShardWriter {
  /** Appends a sample. Wait for the promise before the next call. A disk that fails ends the writer: finished shards stay, the open one goes. */
  add(sample: SampleToWrite): Promise<void>;
  /** Finishes the last shard and says what was written. */
  close(): Promise<{ shards: WrittenShard[] }>;
  /** Gives up: removes the unfinished shard, leaves finished ones. A call of `add` that is under way is refused; `close` finishes. */
  abort(): Promise<void>;
}

const encoder = new TextEncoder();

const writeFields: Record<keyof WriteShardsOptions, true> = {
  directory: true,
  prefix: true,
  maxSamples: true,
  maxBytes: true,
  format: true,
  index: true,
};

/**
 * Writes samples into WebDataset shards. The same samples give the same bytes: owner, mode and time are fixed, members are sorted by
 * suffix, and a shard appears under its name only when it is whole.
 *
 * @throws WebDatasetError `invalid-argument` for options, keys or suffixes that a reader would not give back as they are;
 *   `duplicate-key` when a key was added before.
 * @example
 * const writer = writeShards({ directory: 'data', prefix: 'train', maxSamples: 1000 });
 * await writer.add({ key: '000001', members: { txt: 'a red fox', png: bytes } });
 * const { shards } = await writer.close(); // [{ path: 'data/train-000000.tar', samples: 1, bytes, sha256 }]
 */
export function writeShards(options: WriteShardsOptions): ShardWriter {
  const { directory, prefix, maxSamples = 100_000, maxBytes = 3e9, format = 'tar', index = false } = options;
  if (!prefix || /[/\\\0]/.test(prefix)) {
    throw new WebDatasetError(
      'invalid-argument',
      `prefix: expected a file name without slashes, got ${JSON.stringify(prefix)}`,
    );
  }
  checkFields('writeShards', options, writeFields);
  if (!(Number.isInteger(maxSamples) || maxSamples === Number.POSITIVE_INFINITY) || maxSamples < 1)
    throw new WebDatasetError('invalid-argument', `maxSamples: expected a whole number from 1, got ${maxSamples}`);
  if (!(maxBytes >= 1))
    throw new WebDatasetError('invalid-argument', `maxBytes: expected a number of at least 1, got ${maxBytes}`);
  if (format !== 'tar' && format !== 'tar.gz') {
    throw new WebDatasetError('invalid-argument', `format: expected "tar" or "tar.gz", got ${JSON.stringify(format)}`);
  }

  if (index && format !== 'tar') {
    throw new WebDatasetError(
      'invalid-argument',
      `index: single samples of ${format} cannot be reached; expected format "tar"`,
    );
  }

  const shards: WrittenShard[] = [];
  let entries: [string, number][] = [];
  const keys = new KeySet();
  let file: ShardFile | undefined;
  let samples = 0;
  let tarBytes = 0;
  let state: 'open' | 'busy' | 'closed' = 'open';
  let underWay: Promise<unknown> = Promise.resolve();

  function refuseClosed(): void {
    if (state === 'closed') throw new WebDatasetError('invalid-argument', 'the writer is closed; open another one');
  }

  async function exclusively<T>(action: () => Promise<T>): Promise<T> {
    refuseClosed();
    if (state === 'busy')
      throw new WebDatasetError('invalid-argument', 'add() or close() is still under way; await each call');
    state = 'busy';
    const result = action();
    underWay = result;
    try {
      return await result;
    } finally {
      if (state === 'busy') state = 'open';
    }
  }

  async function finishShard(): Promise<void> {
    if (file === undefined) return;
    try {
      await file.write(endOfArchive);
      const shard: WrittenShard = { path: file.path, samples, ...(await file.finish()) };
      if (index) shard.index = await writeShardIndex(shard.path, { version: 1, bytes: shard.bytes, samples: entries });
      shards.push(shard);
    } catch (error) {
      await discard(); // its samples are lost, so what came later would be a gap
      throw error;
    }
    entries = [];
    file = undefined;
  }

  async function discard(): Promise<void> {
    state = 'closed';
    const unfinished = file;
    file = undefined;
    await unfinished?.discard();
  }

  return {
    add: (sample) =>
      exclusively(async () => {
        const parts = encodeSample(sample);
        if (keys.has(sample.key)) {
          throw new WebDatasetError(
            'duplicate-key',
            `key ${JSON.stringify(sample.key)} was added before; every sample needs a key of its own`,
            { key: sample.key },
          );
        }
        let size = 0;
        for (const part of parts) size += part.length;
        if (file !== undefined && (samples >= maxSamples || tarBytes + size + endOfArchive.length > maxBytes))
          await finishShard();
        refuseClosed();
        if (file === undefined) {
          await mkdir(directory, { recursive: true });
          refuseClosed();
          file = await ShardFile.create(
            join(directory, `${prefix}-${String(shards.length).padStart(6, '0')}.${format}`),
            format === 'tar.gz',
          );
          refuseClosed();
          samples = 0;
          tarBytes = 0;
        }
        try {
          for (const part of parts) await file.write(part);
        } catch (error) {
          await discard(); // half a sample lies in the shard
          throw error;
        }
        refuseClosed();
        if (index) entries.push([sample.key, tarBytes]);
        keys.add(sample.key);
        samples++;
        tarBytes += size;
      }),
    close: () =>
      exclusively(async () => {
        await finishShard();
        state = 'closed';
        return { shards };
      }),
    async abort() {
      state = 'closed';
      await underWay.catch(() => {}); // it still has the file in hand
      await discard();
    },
  };
}

/** All bytes of a sample in the archive, in order. */
function encodeSample({ key, members }: SampleToWrite): Uint8Array[] {
  const suffixes = Object.keys(members).sort();
  const quoted = JSON.stringify(key);
  if (suffixes.length === 0)
    throw new WebDatasetError('invalid-argument', `sample ${quoted} has no members; give it at least one`, { key });
  const parts: Uint8Array[] = [];
  for (const suffix of suffixes) {
    const name = `${key}.${suffix}`;
    const split = splitMemberName(name);
    if (
      typeof key !== 'string' ||
      split?.key !== key ||
      key.endsWith('/') ||
      /[\0\p{Surrogate}]/u.test(name) ||
      isReservedName(name)
    ) {
      throw new WebDatasetError(
        'invalid-argument',
        `key ${quoted} cannot be read back: expected a path whose last part is not empty and has no dot; replace "." by "_"`,
        { key },
      );
    }
    if (suffix === '' || suffix.includes('/') || suffix !== suffix.toLowerCase()) {
      throw new WebDatasetError(
        'invalid-argument',
        `suffix ${JSON.stringify(suffix)} of sample ${quoted} cannot be read back: expected lower case without slashes, as in "png" or "seg.png"`,
        { key, member: name },
      );
    }
    const value = members[suffix]!;
    const bytes = typeof value === 'string' ? encoder.encode(value) : value;
    if (!(bytes instanceof Uint8Array)) {
      throw new WebDatasetError(
        'invalid-argument',
        `member ${JSON.stringify(name)}: expected a Uint8Array or a string, got ${typeof value}`,
        { key, member: name },
      );
    }
    parts.push(...encodeMemberHeader(name, bytes.length), bytes);
    const padding = paddingOf(bytes.length);
    if (padding > 0) parts.push(endOfArchive.subarray(0, padding));
  }
  return parts;
}
