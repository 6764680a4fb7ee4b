/** Prepares the batches of one update while another runs, and hands them over with the place in the data that belongs to them. */
import type { StepBatch, StepBatches } from './packing.ts';

export interface Prepared {
  batches: StepBatch[];
  /** Where the stream is after these batches and before the next: what a checkpoint after this update must say. */
  after: unknown;
}

export class Lookahead {
  private readonly batches: StepBatches;
  private readonly count: number;
  private pending: Promise<Prepared | undefined> | undefined;

  /** @param count batches of one update */
  constructor(batches: StepBatches, count: number) {
    this.batches = batches;
    this.count = count;
  }

  /** Begins to prepare the next batches. */
  prepare(): void {
    this.pending ??= this.pull();
    this.pending.catch(() => undefined); // reported by take()
  }

  /** The next batches; `undefined` where the data ends before there are enough. */
  take(): Promise<Prepared | undefined> {
    const next = this.pending ?? this.pull();
    this.pending = undefined;
    return next;
  }

  async close(): Promise<void> {
    await this.pending?.catch(() => undefined);
    await this.batches.return?.();
  }

  private async pull(): Promise<Prepared | undefined> {
    const batches: StepBatch[] = [];
    while (batches.length < this.count) {
      const { done, value } = await this.batches.next();
      if (done) return undefined;
      batches.push(value);
    }
    return { batches, after: this.batches.state() };
  }
}
