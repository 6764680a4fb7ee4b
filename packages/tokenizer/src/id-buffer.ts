/** Ids that grow at their end. */
export class IdBuffer {
  private ids = new Int32Array(1024);
  length = 0;

  push(id: number): void {
    if (this.length === this.ids.length) this.grow(1);
    this.ids[this.length++] = id;
  }

  append(ids: ArrayLike<number>): void {
    if (this.length + ids.length > this.ids.length) this.grow(ids.length);
    for (let i = 0; i < ids.length; i++) this.ids[this.length + i] = ids[i]!;
    this.length += ids.length;
  }

  /** A copy of the ids so far; the buffer is empty afterwards. */
  take(): Int32Array {
    const taken = this.ids.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  private grow(by: number): void {
    const grown = new Int32Array(Math.max(2 * this.ids.length, this.length + by));
    grown.set(this.ids);
    this.ids = grown;
  }
}
