/** Prepares one batch while a step runs, and hands it over with the place in the data that belongs to it. */
import type { StepBatch, StepBatches } from './packing.ts';

export interface Prepared {
  batch: StepBatch;
  /** Where the stream is after this batch and before the next: what a checkpoint after this batch must say. */
  after: unknown;
}

export class Lookahead {
  private readonly batches: StepBatches;
  private pending: Promise<Prepared | undefined> | undefined;

  constructor(batches: StepBatches) {
    this.batches = batches;
  }

  /** Begins to prepare the next batch. */
  prepare(): void {
    this.pending ??= this.pull();
    this.pending.catch(() => undefined); // reported by take()
  }

  /** The next batch; `undefined` at the end of the data. */
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
    const { done, value } = await this.batches.next();
    return done ? undefined : { batch: value, after: this.batches.state() };
  }
}
