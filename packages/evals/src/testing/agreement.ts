/** Agreement with the reference code, case by case: what the golden test asserts and `npm run bench -- agreement` prints. */
import { EvalsError } from '../errors.ts';
import { boxChecks, captionChecks } from './agreement-boxes-and-captions.ts';
import { type AgreementCheck, refused } from './agreement-check.ts';
import { answerChecks } from './agreement-of-answers.ts';
import { promptChecks, randomChecks } from './agreement-of-randomness.ts';
import { aggregateChecks, popeChecks } from './agreement-of-scores.ts';
import { goldenCases } from './golden.ts';

export interface Agreement {
  metric: string;
  file: string;
  precision: 'exact' | '1e-12';
  cases: number;
  mismatches: { id: string | undefined; got: unknown; expected: unknown }[];
  leftOut?: { cases: number; why: string };
}

export const agreementChecks = (): readonly AgreementCheck[] => [
  ...answerChecks,
  ...popeChecks,
  ...boxChecks,
  ...captionChecks,
  ...aggregateChecks,
  ...promptChecks,
  ...randomChecks,
];

/** Runs one check over every case there is. */
export function agreementOf(one: AgreementCheck): Agreement {
  const { metric, file, precision, leftOut } = one;
  const all = goldenCases(file);
  const cases = all.filter((golden) => !leftOut?.is(golden));
  const mismatches = cases.flatMap((golden) => {
    const [got, expected] = [orRefused(() => one.got(golden)), one.expected(golden)];
    return agrees(got, expected, precision) ? [] : [{ id: golden.id, got, expected }];
  });
  const left = all.length - cases.length;
  return {
    metric,
    file,
    precision,
    cases: cases.length,
    mismatches,
    ...(leftOut && left > 0 ? { leftOut: { cases: left, why: leftOut.why } } : {}),
  };
}

function orRefused(got: () => unknown): unknown {
  try {
    return got();
  } catch (error) {
    if (EvalsError.isInstance(error)) return refused;
    throw error;
  }
}

/** Deep equality, −0 equal to 0, NaN equal to NaN, numbers to the given precision. */
export function agrees(a: unknown, b: unknown, precision: 'exact' | '1e-12'): boolean {
  if (typeof a === 'number' && typeof b === 'number') {
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
    return precision === '1e-12' && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [own, theirs] = [Object.keys(a), Object.keys(b)];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    own.length === theirs.length &&
    own.every((key) => Object.hasOwn(b, key) && agrees(a[key as keyof typeof a], b[key as keyof typeof b], precision))
  );
}
