export { type ProblemPlace, WebDatasetError, type WebDatasetErrorCode } from './errors.ts';
export { type MemberName, splitMemberName } from './member-name.ts';
export {
  type SampleToWrite,
  type ShardWriter,
  type WriteShardsOptions,
  type WrittenShard,
  writeShards,
} from './write-shards.ts';
