import type { ByteReader } from './byte-reader.ts';
import type { ByteSource } from './byte-source.ts';
import { openUncompressed } from './decompress.ts';
import { type ProblemPlace, WebDatasetError } from './errors.ts';
import { isReservedName, splitMemberName } from './member-name.ts';
import { readLines } from './read-lines.ts';
import { type GroupOptions, SampleGroups, type ShardEvent } from './sample-groups.ts';
import { type TarMember, TarReader } from './tar-reader.ts';

/** What a shard holds: an archive of members, or one JSON document a line. */
export type ShardFormat = 'tar' | 'jsonl';

/** What {@link readShard} needs to know. */
export interface ReadShardOptions extends GroupOptions {
  source: ByteSource;
  format: ShardFormat;
}

/** Told by the name, whatever the compression: a line-by-line file cannot be told from other text by its bytes. */
export function formatOfName(shard: string): ShardFormat {
  return /\.(jsonl|ndjson)(\.(gz|zst|zstd))?([?#].*)?$/i.test(shard) ? 'jsonl' : 'tar';
}

/** Reads one shard from a position on. Events come in handfuls: as many as can be had without waiting. */
export async function* readShard(shard: string, options: ReadShardOptions): AsyncGenerator<ShardEvent[], void> {
  let bytes: ByteReader;
  try {
    bytes = await openUncompressed(options.source, shard, options.from.offset, options.limits);
  } catch (error) {
    yield [{ kind: 'problem', whole: true, problem: located(error, shard, undefined) }];
    return;
  }
  yield* readOpened(shard, bytes, options);
}

/** The same of a shard that was opened at the position; closes it. */
export async function* readOpened(
  shard: string,
  bytes: ByteReader,
  options: Omit<ReadShardOptions, 'source'>,
): AsyncGenerator<ShardEvent[], void> {
  const groups = new SampleGroups(shard, options);
  try {
    yield* options.format === 'jsonl' ? readLines(shard, bytes, options) : readMembers(bytes, groups, options);
  } catch (error) {
    yield [...groups.events, { kind: 'problem', whole: true, problem: located(error, shard, groups.currentKey) }];
  } finally {
    await bytes.close();
  }
}

async function* readMembers(
  bytes: ByteReader,
  groups: SampleGroups,
  { limits, compatible }: GroupOptions,
): AsyncGenerator<ShardEvent[], void> {
  const tar = new TarReader(bytes, limits, compatible !== false);
  function* handful(): Generator<ShardEvent[], void> {
    if (groups.events.length === 0) return;
    const { events } = groups;
    groups.events = [];
    yield events;
  }
  for (;;) {
    let member = tar.tryNext();
    if (member === undefined) {
      yield* handful();
      member = await tar.next();
      if (member === undefined) break;
    }
    const { name } = member;
    const split = isReservedName(name) ? undefined : splitMemberName(name);
    if (split === undefined || !carriesData(member, compatible)) {
      const { problem, offset } = member;
      if (problem !== undefined && name === '') groups.faultOfShard(problem.code, problem.message, offset);
      else if (member.kind === 'file') groups.events.push({ kind: 'ignored' });
      continue;
    }
    const put = groups.place(member, split.key, split.suffix.toLowerCase());
    if (put === undefined) continue;
    const data = tar.tryData();
    if (data !== undefined) put(data);
    else {
      yield* handful();
      put(await tar.data());
    }
  }
  groups.end();
  yield* handful();
}

/** Whether the member counts for samples. The reference passes over links without a word; we only do so where asked to agree with it. */
function carriesData(member: TarMember, compatible: GroupOptions['compatible']): boolean {
  return member.kind === 'file' || (member.problem !== undefined && !compatible);
}

/** Adds shard and key to an error that does not know them. */
function located(error: unknown, shard: string, currentKey: string | undefined): WebDatasetError {
  if (!WebDatasetError.isInstance(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return new WebDatasetError('unreadable', `cannot be read: ${message}`, { shard }, error);
  }
  if (error.shard !== undefined) return error;
  const place: ProblemPlace = { shard };
  if (error.offset !== undefined) place.offset = error.offset;
  const key = error.key ?? currentKey;
  if (key !== undefined) place.key = key;
  if (error.member !== undefined) place.member = error.member;
  return new WebDatasetError(error.code, error.message, place, error.cause);
}
