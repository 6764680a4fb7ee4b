/** One comparison of a data library: our figure beside that of a peer (or of the floor that cannot be beaten). */
export interface BenchRow {
  /** What was done, on what. */
  name: string;
  ours: number;
  /** The peer's figure in the same unit; null where the machine has none to compare with (`note` says why). */
  theirs: number | null;
  /** How many times better ours is, above 1 where ours wins, whatever the direction of the unit; null without a peer. */
  ratio: number | null;
  /** `images/s`, `MB/s`, `µs/item`, `samples` … */
  unit: string;
  /** Who the peer is with its version, and what the reader must know. */
  note: string;
}

/** A row of rates: more is better. */
export function rateRow(row: Omit<BenchRow, 'ratio'>): BenchRow {
  return { ...row, ratio: row.theirs === null ? null : row.ours / row.theirs };
}

/** A row of costs (times, deviations): less is better. */
export function costRow(row: Omit<BenchRow, 'ratio'>): BenchRow {
  return { ...row, ratio: row.theirs === null ? null : row.theirs / row.ours };
}
