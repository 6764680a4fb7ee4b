/** One comparison with the reference code. */
import type { GoldenCase } from './golden.ts';

/** One figure of the reference, and how it is computed here. */
export interface AgreementCheck {
  /** What is compared, in words. */
  metric: string;
  /** Its cases lie in `<file>*.json`. */
  file: string;
  /** How closely: to the last bit, or to a relative 1e-12 where the reference sums in another order. */
  precision: 'exact' | '1e-12';
  /** Ours. An `EvalsError` means: refused. */
  got(one: GoldenCase): unknown;
  /** The reference's; {@link refused} where it fails. */
  expected(one: GoldenCase): unknown;
  /** Cases that say nothing about this package, and why. */
  leftOut?: { why: string; is(one: GoldenCase): boolean };
}

/** What a case comes to where the reference fails, and ours throws. */
export const refused = 'refused';

/** Declares a check over inputs and expected values of one type. */
export function check<Input, Expected>(own: {
  metric: string;
  file: string;
  precision?: 'exact' | '1e-12';
  got(input: Input, one: GoldenCase<Input, Expected>): unknown;
  expected(value: Expected, one: GoldenCase<Input, Expected>): unknown;
  leftOut?: { why: string; is(one: GoldenCase<Input, Expected>): boolean };
}): AgreementCheck {
  const { metric, file, precision = 'exact', leftOut } = own;
  const typed = (one: GoldenCase): GoldenCase<Input, Expected> => one as GoldenCase<Input, Expected>;
  return {
    metric,
    file,
    precision,
    got: (one) => own.got(typed(one).input, typed(one)),
    expected: (one) => own.expected(typed(one).expected, typed(one)),
    ...(leftOut ? { leftOut: { why: leftOut.why, is: (one) => leftOut.is(typed(one)) } } : {}),
  };
}
