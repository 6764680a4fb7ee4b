export type { BufferPosition, BufferShuffle } from './buffer-shuffle.ts';
export type { ByteSource, OpenOptions, ShardIdentity } from './byte-source.ts';
export { decodeNpy, type NpyArray, type NpyData } from './decode-npy.ts';
export { type NpzLimits, npzDecoder } from './decode-npz.ts';
export {
  type DecodedSample,
  type Decoder,
  type Decoders,
  decodeInteger,
  decodeJson,
  decodeJsonLines,
  decodeText,
  gunzipped,
  optional,
  sampleDecoder,
  standardDecoders,
} from './decode-samples.ts';
export { type ProblemPlace, WebDatasetError, type WebDatasetErrorCode } from './errors.ts';
export { expandShards, literalShard } from './expand-shards.ts';
export { fileSource } from './file-source.ts';
export { type HttpSourceOptions, httpSource } from './http-source.ts';
export { defaultReadLimits, type ReadLimits } from './limits.ts';
export { type MemberName, splitMemberName } from './member-name.ts';
export { type OpenedShard, openShard } from './open-shard.ts';
export type { ShardFormat } from './read-shard.ts';
export {
  type ReadCounts,
  type ReadShardsOptions,
  readShards,
  type ShardPosition,
  type ShardReader,
} from './read-shards.ts';
export type { Retry, RetryOptions } from './resuming-stream.ts';
export type { Sample, SamplePosition } from './sample-groups.ts';
export { type IndexOptions, indexShard, type ShardIndex, writeShardIndex } from './shard-index.ts';
export { sourceByScheme } from './source-by-scheme.ts';
export { splitShards } from './split-shards.ts';
export { pipeSource, streamSource } from './stream-sources.ts';
export {
  type SampleToWrite,
  type ShardWriter,
  type WriteShardsOptions,
  type WrittenShard,
  writeShards,
} from './write-shards.ts';
