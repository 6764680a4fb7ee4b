export {
  chunkShards,
  type IntervalOptions,
  type IntervalShards,
  intervalShards,
  type ManifestRow,
  shardString,
} from './interval-shards.ts';
export { bufferShuffle, resampledShards } from './shuffles.ts';
