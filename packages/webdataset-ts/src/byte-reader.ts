const empty = new Uint8Array(0);

/** Takes exact numbers of bytes from a stream of chunks and knows its position. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = empty;
  #at = 0;
  #ended = false;
  readonly #release: (() => unknown) | undefined;
  /** Offset of the next byte. */
  position: number;

  /**
   * @param position offset of the first byte that `chunks` deliver
   * @param release frees what stands behind `chunks`: a generator that was never asked for a chunk does not run its `finally`
   */
  constructor(chunks: AsyncIterable<Uint8Array>, position = 0, release?: () => unknown) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.position = position;
    this.#release = release;
  }

  /** The next `size` bytes if they lie in the chunk at hand, else `undefined`. A view: copy what is to be kept. */
  take(size: number): Uint8Array | undefined {
    const end = this.#at + size;
    if (end > this.#chunk.length) return undefined;
    const view = this.#chunk.subarray(this.#at, end);
    this.#at = end;
    this.position += size;
    return view;
  }

  /** The next `size` bytes in memory of their own; fewer only where the stream ends. */
  async read(size: number): Promise<Uint8Array> {
    const whole = this.take(size);
    if (whole !== undefined) return whole.slice();
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length < size && (await this.#fill())) {
      const part = this.take(Math.min(size - length, this.#chunk.length - this.#at))!;
      parts.push(part);
      length += part.length;
    }
    // Allocated only now: `size` comes from the archive and may be a lie.
    const bytes = new Uint8Array(length);
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
    while (left > 0 && (await this.#fill())) left -= this.take(Math.min(left, this.#chunk.length - this.#at))!.length;
    return size - left;
  }

  /** Frees the source. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#chunk = empty;
    this.#at = 0;
    await this.#chunks.return?.();
    await this.#release?.();
  }

  /** True when at least one byte is at hand. */
  async #fill(): Promise<boolean> {
    while (this.#at === this.#chunk.length) {
      if (this.#ended) return false;
      const next = await this.#chunks.next();
      if (next.done) {
        this.#ended = true;
        return false;
      }
      // A Buffer's views are slower to make than those of the plain class.
      const { buffer, byteOffset, byteLength } = next.value;
      this.#chunk = new Uint8Array(buffer, byteOffset, byteLength);
      this.#at = 0;
    }
    return true;
  }
}
