/** Reads items one ahead and remembers where the source was before the one that is open. */
import type { ResumableIterator } from '@vlm/mixture-sampler';
import { TrainerError } from './trainer-error.ts';
import { checkItem, countPlaceholders, type SourcedItem } from './training-item.ts';

export class ItemCursor {
  private readonly source: ResumableIterator<SourcedItem>;
  private readonly check: (sourced: SourcedItem) => void;
  private readonly imageToken: number | undefined;
  private open: { sourced: SourcedItem; before: unknown } | undefined;
  private ended = false;
  /** Tokens of the open (or next) item that are used. */
  offset: number;
  /** Placeholders among them: which patch the next one shows. Counted along, as counting from the beginning for every part takes time with the square. */
  placeholders = 0;

  constructor(
    source: ResumableIterator<SourcedItem>,
    offset: number,
    rule: { features: number; imageToken: number | undefined; cellsPerImage?: number | undefined },
  ) {
    this.source = source;
    this.offset = offset;
    this.imageToken = rule.imageToken;
    this.check = (sourced) => checkItem(sourced, rule.features, rule.imageToken, rule.cellsPerImage);
  }

  /** The open item, read if need be; `undefined` at the end of the source. */
  async peek(): Promise<SourcedItem | undefined> {
    if (this.open) return this.open.sourced;
    if (this.ended) return undefined;
    const before = this.source.state();
    const { done, value } = await this.source.next();
    if (done) {
      this.ended = true;
      if (this.offset > 0) {
        throw new TrainerError(
          'bad-state',
          `Packing: the state stands at token ${this.offset} of an item, but the source has none left; did the data change?`,
        );
      }
      return undefined;
    }
    this.check(value);
    if (this.offset >= value.item.tokens.length) {
      throw new TrainerError(
        'bad-state',
        `Packing: the state stands at token ${this.offset} of item ${JSON.stringify(value.item.id)}, which has ` +
          `${value.item.tokens.length}; did the data or the tokenizer change?`,
      );
    }
    this.open = { sourced: value, before };
    this.placeholders = countPlaceholders(value.item, this.imageToken, 0, this.offset);
    return value;
  }

  /** Uses up tokens of the open item. @returns whether that was its last */
  advance(tokens: number): boolean {
    const { item } = this.open!.sourced;
    this.placeholders += countPlaceholders(item, this.imageToken, this.offset, this.offset + tokens);
    this.offset += tokens;
    if (this.offset < item.tokens.length) return false;
    this.open = undefined;
    this.offset = 0;
    this.placeholders = 0;
    return true;
  }

  get buffered(): number {
    return this.open ? this.open.sourced.item.tokens.length - this.offset : 0;
  }

  state(): { source: unknown; offset: number } {
    return { source: this.open ? this.open.before : this.source.state(), offset: this.offset };
  }

  async close(): Promise<unknown> {
    return this.source.return?.();
  }
}
