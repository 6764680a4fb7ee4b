/** What a reader asks of a stream besides where it begins. */
export interface OpenOptions {
  /** The reader will stop after so many bytes; a source may deliver more. */
  length?: number | undefined;
  /** The reader is done with a chunk when it asks for the next one, so that the source may use its memory again. Default false. */
  reuse?: boolean | undefined;
}

/** What a shard is known by without being read. */
export interface ShardIdentity {
  /** Size in bytes as stored. */
  bytes: number;
  /** Changes when the shard does. */
  version: string;
}

/**
 * Where shards come from. Implement it to read from a store of your own: `open` is all that the reader asks for.
 */
export interface ByteSource {
  /**
   * Streams a shard's stored bytes from `offset` to the end. Errors may be thrown while iterating; stopping early must free what
   * was opened (an async generator's `finally` does).
   *
   * @param shard path or address, as it stands in the expanded list
   * @param offset first byte to deliver; 0 unless a plain tar is resumed
   */
  open(shard: string, offset: number, options?: OpenOptions): AsyncIterable<Uint8Array>;
  /** False where a shard can be opened once only (standard input): it is then read from its beginning up to the place. Default true. */
  seekable?(shard: string): boolean;
  /** What tells a shard that was replaced from the one that was there before. Without it, random access notices that by the keys alone. */
  identify?(shard: string): Promise<ShardIdentity | undefined>;
}
