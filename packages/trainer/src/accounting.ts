/** Where every token went. */
import type { Placed } from './batch.ts';
import { TrainerError } from './trainer-error.ts';

/**
 * Tokens of one source, each in exactly one place:
 * `loss + context + firstOfRow + truncated + skipped + (still buffered) = tokens read`.
 */
export interface SourceAccount {
  /** Items used up. */
  items: number;
  /** Trained: targets that carry loss. */
  loss: number;
  /** Targets without loss: image placeholders, prompts. */
  context: number;
  /** First tokens of rows: inputs, never targets. */
  firstOfRow: number;
  /** Tokens cut off items longer than a row. */
  truncated: number;
  /** Tokens of items left out because they are longer than a row. */
  skipped: number;
  /** Items that were cut so that no token with loss is left. */
  itemsWithoutLoss: number;
  /** Image patches shown to the model. */
  patches: number;
}

const nothing: SourceAccount = {
  items: 0,
  loss: 0,
  context: 0,
  firstOfRow: 0,
  truncated: 0,
  skipped: 0,
  itemsWithoutLoss: 0,
  patches: 0,
};

/** `Σ sources (loss + context + firstOfRow) + padding = rows × (T + 1)`. */
export interface TokenAccounting {
  batches: number;
  rows: number;
  /** Token places that the packer filled up. */
  padding: number;
  sources: Record<string, SourceAccount>;
}

/** Running totals behind a {@link TokenAccounting}. */
export class Account {
  private batches = 0;
  private rows = 0;
  private padding = 0;
  private readonly sources = new Map<string, SourceAccount>();

  constructor(earlier?: TokenAccounting) {
    if (!earlier) return;
    this.batches = earlier.batches;
    this.rows = earlier.rows;
    this.padding = earlier.padding;
    for (const [name, account] of Object.entries(earlier.sources)) this.sources.set(name, { ...account });
  }

  of(source: string): SourceAccount {
    let account = this.sources.get(source);
    if (!account) {
      account = { ...nothing };
      this.sources.set(source, account);
    }
    return account;
  }

  place(source: string, placed: Placed): void {
    const account = this.of(source);
    account.loss += placed.loss;
    account.context += placed.context;
    account.firstOfRow += placed.firstOfRow;
    account.patches += placed.patches;
  }

  batch(rows: number, padding: number): void {
    this.batches += 1;
    this.rows += rows;
    this.padding += padding;
  }

  snapshot(): TokenAccounting {
    const sources = Object.fromEntries([...this.sources].map(([name, account]) => [name, { ...account }]));
    return { batches: this.batches, rows: this.rows, padding: this.padding, sources };
  }
}

/** @throws TrainerError `bad-state` unless it is an account as `Account.snapshot` gives it, or its JSON */
export function checkAccounting(accounting: unknown): void {
  checkCounts('accounting', accounting, ['batches', 'rows', 'padding']);
  const { sources } = accounting as TokenAccounting;
  for (const [name, account] of Object.entries(sources ?? fail('accounting.sources', sources))) {
    checkCounts(`accounting of source ${JSON.stringify(name)}`, account, Object.keys(nothing));
  }
}

function checkCounts(where: string, record: unknown, fields: readonly string[]): void {
  const counts = (record ?? fail(where, record)) as Record<string, unknown>;
  for (const field of fields) {
    const count = counts[field];
    if (!Number.isSafeInteger(count) || (count as number) < 0) fail(`${where}, ${field}`, count);
  }
}

function fail(where: string, got: unknown): never {
  throw new TrainerError(
    'bad-state',
    `Packing: expected a state with counts from 0, got ${JSON.stringify(got)} as ${where}; was it made by state() of such a stream?`,
  );
}
