import { JitError } from './jit-error.ts';

/** Told to `onRetrace`: a function met inputs of another signature and was traced again. */
export interface RetraceEvent {
  /** The new signature: shapes and dtypes of every tensor, and the static values. */
  signature: string;
  /** Traces made so far, this one included. */
  traces: number;
  /** Whether an older compiled signature was dropped to make room. */
  evicted: boolean;
}

export interface CacheOptions {
  /** Compiled signatures kept; the least recently used one is dropped. Default 16. */
  maxSignatures?: number;
  /**
   * Called at every trace after the first. Without it, a function that has been traced three times as often as the cache holds rejects its
   * calls: it would spend its time compiling.
   */
  onRetrace?: (event: RetraceEvent) => void;
}

const DEFAULT_MAX = 16;

/** Compiled graphs by signature, at most so many, the least recently used one dropped first. */
export class SignatureCache<T> {
  private readonly entries = new Map<string, T>();
  private readonly max: number;
  private readonly onRetrace: CacheOptions['onRetrace'];
  private readonly drop: (entry: T) => Promise<void>;
  private traces = 0;

  /** @throws {JitError} `invalid-definition` */
  constructor({ maxSignatures = DEFAULT_MAX, onRetrace }: CacheOptions, drop: (entry: T) => Promise<void>) {
    if (!Number.isInteger(maxSignatures) || maxSignatures < 1) {
      throw new JitError(
        'invalid-definition',
        `jit: expected maxSignatures to be a whole number ≥ 1, got ${maxSignatures}.`,
      );
    }
    this.max = maxSignatures;
    this.onRetrace = onRetrace;
    this.drop = drop;
  }

  /** @throws {JitError} `retracing` */
  async get(signature: string, compile: () => Promise<T>): Promise<T> {
    const known = this.entries.get(signature);
    if (known) {
      this.entries.delete(signature);
      this.entries.set(signature, known);
      return known;
    }
    if (!this.onRetrace && this.traces >= 3 * this.max) {
      throw new JitError(
        'retracing',
        `jit: the function was traced for ${this.traces} different signatures, and ${this.max} are kept. Every new shape compiles again: pad ` +
          `inputs to a few sizes, keep numbers out of staticArguments, raise maxSignatures, or pass onRetrace to allow it. The last one: ${signature}`,
      );
    }
    const entry = await compile();
    this.traces++;
    const evicted = this.entries.size >= this.max;
    if (evicted) {
      const [oldest, dropped] = this.entries.entries().next().value!;
      this.entries.delete(oldest);
      await this.drop(dropped);
    }
    this.entries.set(signature, entry);
    if (this.traces > 1) this.onRetrace?.({ signature, traces: this.traces, evicted });
    return entry;
  }

  async clear(): Promise<void> {
    for (const entry of this.entries.values()) await this.drop(entry);
    this.entries.clear();
  }
}
