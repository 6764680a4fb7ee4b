/** What a shard may ask of the reader. Archives come from strangers: each limit stops one way of eating memory or time. */
export interface ReadLimits {
  /** Bytes of one member, which is held in memory whole. */
  maxMemberBytes: number;
  /** Bytes of all members of one sample. */
  maxSampleBytes: number;
  /** Members of one sample. */
  maxMembersPerSample: number;
  /** Bytes of a PAX header or a GNU long name in front of a member. */
  maxHeaderBytes: number;
  /** Keys that are remembered to notice one that comes back. */
  maxKeysPerShard: number;
  /** Zero bytes in a row between or behind archives, for a small compressed file may unpack to zeros without end. */
  maxZeroBytes: number;
  /** Bytes that a zstd frame makes its reader keep. */
  maxWindowBytes: number;
}

/** The limits unless the caller gives others: far above what real shards hold. */
export const defaultReadLimits: Readonly<ReadLimits> = Object.freeze({
  maxMemberBytes: 2 ** 30,
  maxSampleBytes: 2 ** 31,
  maxMembersPerSample: 4096,
  maxHeaderBytes: 2 ** 18,
  maxKeysPerShard: 4_000_000,
  maxZeroBytes: 2 ** 26,
  maxWindowBytes: 2 ** 27,
});
