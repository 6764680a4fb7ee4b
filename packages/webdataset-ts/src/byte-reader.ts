const empty = new Uint8Array(0);
/** Above this, memory that is not zeroed first is cheaper to have from Buffer than from slice(). */
const largeBytes = 1 << 12;

/** Takes exact numbers of bytes from a stream of chunks and knows its position. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #release: (() => unknown) | undefined;
  #ended = false;
  /** The chunk at hand, valid until something is awaited. */
  chunk: Uint8Array = empty;
  /** Where the next byte lies in {@link chunk}. */
  at = 0;
  /** Offset of the next byte. */
  position: number;

  /**
   * @param chunks may use a chunk's memory again as soon as the next one is asked for
   * @param position offset of the first byte that `chunks` deliver
   * @param release frees what stands behind `chunks`: a generator that was never asked for a chunk does not run its `finally`
   */
  constructor(chunks: AsyncIterable<Uint8Array>, position = 0, release?: () => unknown) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.position = position;
    this.#release = release;
  }

  /** How many bytes can be taken without waiting. */
  get atHand(): number {
    return this.chunk.length - this.at;
  }

  /** Moves on within the chunk at hand. */
  advance(size: number): void {
    this.at += size;
    this.position += size;
  }

  /** The next `size` bytes, which must be at hand, in memory of their own. */
  copy(size: number): Uint8Array {
    const { chunk, at } = this;
    this.advance(size);
    if (size < largeBytes) return chunk.slice(at, at + size);
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
    bytes.set(chunk.subarray(at, at + size));
    return bytes;
  }

  /** The next `size` bytes in memory of their own; fewer only where the stream ends. */
  async read(size: number): Promise<Uint8Array> {
    if (size <= this.atHand) return this.copy(size);
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length < size && (await this.fill())) {
      const part = this.copy(Math.min(size - length, this.atHand));
      parts.push(part);
      length += part.length;
    }
    if (parts.length === 1) return parts[0]!;
    // Allocated only now: `size` comes from the archive and may be a lie.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Moves on by `size` bytes; returns how many there were. */
  async skip(size: number): Promise<number> {
    let left = size;
    while (left > 0 && (await this.fill())) {
      const step = Math.min(left, this.atHand);
      this.advance(step);
      left -= step;
    }
    return size - left;
  }

  /** Frees the source. */
  async close(): Promise<void> {
    this.#ended = true;
    this.chunk = empty;
    this.at = 0;
    await this.#chunks.return?.();
    await this.#release?.();
  }

  /** True when at least one byte is at hand. */
  async fill(): Promise<boolean> {
    while (this.at === this.chunk.length) {
      if (this.#ended) return false;
      const next = await this.#chunks.next();
      if (next.done) {
        this.#ended = true;
        return false;
      }
      // A Buffer's views are slower to make than those of the plain class.
      const { buffer, byteOffset, byteLength } = next.value;
      this.chunk = new Uint8Array(buffer, byteOffset, byteLength);
      this.at = 0;
    }
    return true;
  }
}
