import type { ByteReader } from './byte-reader.ts';
import type { ByteSource } from './byte-source.ts';
import { openUncompressed } from './decompress.ts';
import { type ProblemPlace, WebDatasetError, type WebDatasetErrorCode } from './errors.ts';
import type { ReadLimits } from './limits.ts';
import { isReservedName, splitMemberName } from './member-name.ts';
import { type TarMember, TarReader } from './tar-reader.ts';

/** One sample: its key, where it came from, and its members. */
export interface Sample {
  /** Directory and base name up to the first dot; unique within its shard only. */
  key: string;
  /** The shard's path or address. */
  shard: string;
  /** Number of the sample in its shard, from 0. */
  index: number;
  /** Bytes by lower-case suffix. */
  members: Record<string, Uint8Array>;
}

/** What comes out of one shard, in order. */
export type ShardEvent =
  /** A whole sample; `next` is where the following one begins, `undefined` when this was the shard's last. */
  | { kind: 'sample'; sample: Sample; next: number | undefined }
  /** A fault; `whole` when nothing more comes from this shard. */
  | { kind: 'problem'; problem: WebDatasetError; whole: boolean }
  /** A sample that is not handed out, for the reason of the problem before. */
  | { kind: 'dropped' }
  /** A member that belongs to no sample. */
  | { kind: 'ignored' };

interface Group {
  key: string;
  index: number;
  members: Record<string, Uint8Array>;
  count: number;
  bytes: number;
  broken: boolean;
}

/** What {@link readShard} needs to know. */
export interface ReadShardOptions {
  source: ByteSource;
  limits: ReadLimits;
  compatible: boolean;
  /** Position of the first sample. */
  from: { sample: number; offset: number };
}

/** Reads one shard from a position on, grouping neighbouring members with one key into a sample. */
export async function* readShard(shard: string, options: ReadShardOptions): AsyncGenerator<ShardEvent, void> {
  const { source, limits, compatible, from } = options;
  const seen = new Set<string>();
  let bytes: ByteReader | undefined;
  let group: Group | undefined;
  let nextIndex = from.sample;

  const problem = (code: WebDatasetErrorCode, message: string, place: ProblemPlace, whole = false): ShardEvent => ({
    kind: 'problem',
    problem: new WebDatasetError(code, message, { shard, ...place }),
    whole,
  });
  const finished = ({ key, index, members, broken }: Group, next?: number): ShardEvent =>
    broken ? { kind: 'dropped' } : { kind: 'sample', sample: { key, shard, index, members }, next };

  try {
    bytes = await openUncompressed(source, shard, from.offset);
    const tar = new TarReader(bytes, limits, compatible);
    for (let member = await tar.next(); member !== undefined; member = await tar.next()) {
      const { name, offset } = member;
      const split = isReservedName(name) ? undefined : splitMemberName(name);
      if (split === undefined || !carriesData(member, compatible)) {
        if (member.problem !== undefined && name === '')
          yield problem(member.problem.code, member.problem.message, { offset });
        else if (member.kind === 'file') yield { kind: 'ignored' };
        continue;
      }
      const { key } = split;
      const suffix = split.suffix.toLowerCase();
      if (group?.key !== key) {
        if (group !== undefined) yield finished(group, offset);
        group = { key, index: nextIndex++, members: Object.create(null), count: 0, bytes: 0, broken: false };
        if (!compatible) {
          if (seen.has(key)) {
            group.broken = true;
            yield problem(
              'duplicate-key',
              `key ${JSON.stringify(key)} comes back after other keys, so its sample is torn apart; sort the archive by name`,
              { offset, key, member: name },
            );
          }
          seen.add(key);
          if (seen.size > limits.maxKeysPerShard) {
            throw new WebDatasetError(
              'limit',
              `expected at most ${limits.maxKeysPerShard} samples (limits.maxKeysPerShard); raise the limit if you trust the shard`,
              { offset },
            );
          }
        }
      }
      if (member.problem !== undefined) {
        group.broken = true;
        yield problem(member.problem.code, member.problem.message, { offset, key, member: name });
        continue;
      }
      if (suffix in group.members) {
        group.broken = true;
        yield problem(
          'duplicate-member',
          `sample ${JSON.stringify(key)} has two members ".${suffix}" (suffixes are lower-cased); keep one`,
          { offset, key, member: name },
        );
        continue;
      }
      group.count++;
      group.bytes += member.size;
      if (group.count > limits.maxMembersPerSample || group.bytes > limits.maxSampleBytes) {
        throw new WebDatasetError(
          'limit',
          `sample ${JSON.stringify(key)}: expected at most ${limits.maxMembersPerSample} members and ${limits.maxSampleBytes} bytes (limits.maxMembersPerSample, limits.maxSampleBytes), got ${group.count} and ${group.bytes}`,
          { offset, key, member: name },
        );
      }
      const data = await tar.data();
      if (!group.broken) group.members[suffix] = data;
    }
    if (group !== undefined) yield finished(group);
  } catch (error) {
    const place: ProblemPlace = {};
    if (WebDatasetError.isInstance(error)) {
      if (error.offset !== undefined) place.offset = error.offset;
      const key = error.key ?? group?.key;
      if (key !== undefined) place.key = key;
      if (error.member !== undefined) place.member = error.member;
      yield error.shard === undefined
        ? {
            kind: 'problem',
            whole: true,
            problem: new WebDatasetError(error.code, error.message, { shard, ...place }, error.cause),
          }
        : { kind: 'problem', whole: true, problem: error };
    } else {
      const message = error instanceof Error ? error.message : String(error);
      yield {
        kind: 'problem',
        whole: true,
        problem: new WebDatasetError('unreadable', `cannot be read: ${message}`, { shard }, error),
      };
    }
  } finally {
    await bytes?.close();
  }
}

/** Whether the member counts for samples. The reference passes over links without a word; we only do so where asked to agree with it. */
function carriesData(member: TarMember, compatible: boolean): boolean {
  return member.kind === 'file' || (member.problem !== undefined && !compatible);
}
