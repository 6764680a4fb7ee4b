export type { ByteSource, OpenOptions } from './byte-source.ts';
export { type ProblemPlace, WebDatasetError, type WebDatasetErrorCode } from './errors.ts';
export { expandShards } from './expand-shards.ts';
export { fileSource } from './file-source.ts';
export { defaultReadLimits, type ReadLimits } from './limits.ts';
export { type MemberName, splitMemberName } from './member-name.ts';
export type { ShardFormat } from './read-shard.ts';
export {
  type ReadCounts,
  type ReadShardsOptions,
  readShards,
  type ShardPosition,
  type ShardReader,
} from './read-shards.ts';
export type { Sample, SamplePosition } from './sample-groups.ts';
export { splitShards } from './split-shards.ts';
export {
  type SampleToWrite,
  type ShardWriter,
  type WriteShardsOptions,
  type WrittenShard,
  writeShards,
} from './write-shards.ts';
