import type { Tokenizer } from './create-tokenizer.ts';
import { SPECIAL } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';

/**
 * One item as a trainer takes it. Every item ends with `<|endoftext|>` and begins without it: laid end to end, items have exactly one between them,
 * so whatever packs them puts nothing between.
 */
export interface EncodedItem {
  /** [n] ids */
  tokens: Int32Array;
  /** [n] 1 where predicting this token carries loss, else 0 */
  loss: Uint8Array;
}

/** Collects ids with the loss each carries. */
export class ItemBuilder {
  private readonly tokenizer: Tokenizer;
  private readonly ids: number[] = [];
  private readonly carries: number[] = [];

  constructor(tokenizer: Tokenizer) {
    this.tokenizer = tokenizer;
  }

  text(text: string, loss: 0 | 1): this {
    for (const id of this.tokenizer.encode(text)) this.push(id, loss);
    return this;
  }

  special(name: string, loss: 0 | 1): this {
    return this.push(this.tokenizer.special(name), loss);
  }

  /** `<|image_start|>`, one placeholder per patch, `<|image_end|>`; never with loss. */
  image(patches: number): this {
    this.special(SPECIAL.imageStart, 0);
    const placeholder = this.tokenizer.special(SPECIAL.image);
    for (let i = 0; i < patches; i++) this.push(placeholder, 0);
    return this.special(SPECIAL.imageEnd, 0);
  }

  build(): EncodedItem {
    return { tokens: Int32Array.from(this.ids), loss: Uint8Array.from(this.carries) };
  }

  private push(id: number, loss: 0 | 1): this {
    this.ids.push(id);
    this.carries.push(loss);
    return this;
  }
}

/** @throws {TokenizerError} `invalid-argument` unless `patches` is a whole number of at least 1 */
export function checkPatches(patches: number | undefined): number {
  if (patches === undefined || !Number.isSafeInteger(patches) || patches < 1)
    throw new TokenizerError(
      'invalid-argument',
      `Expected patches (placeholders per image) to be a whole number of at least 1, got ${patches}.`,
    );
  return patches;
}
