import { EvalsError } from '../errors.ts';

/** Hypotheses and references must be as many, and no image may be without a reference. */
export function checkCaptions(
  metric: string,
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): void {
  if (hypotheses.length === 0) throw new EvalsError('EMPTY_SET', `${metric}: expected at least one caption, got none.`);
  if (hypotheses.length !== references.length)
    throw new EvalsError(
      'INVALID_ITEM',
      `${metric}: expected one list of references per caption, got ${hypotheses.length} captions and ${references.length} lists.`,
    );
  const without = references.findIndex((texts) => texts.length === 0);
  if (without >= 0)
    throw new EvalsError(
      'INVALID_ITEM',
      `${metric}: image ${without} has no reference; every image needs at least one.`,
    );
}
