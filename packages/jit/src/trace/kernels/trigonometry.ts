/** Hyperbolic inverses and the angle of a point. */
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { Lowering, Lowerings } from '../lowering.ts';

const unary =
  (op: string): Lowering =>
  (b, { inputs }) =>
    b.unary(op, b.cast(inputs['x']!, 'float32'));

/**
 * asinh x = sign(x) · ln(|x| + √(x² + 1)), without overflow in the square for large x, and for small ones as ln(1 + s) with
 * s = |x| + x² / (1 + √(x² + 1)).
 */
const asinh: Lowering = (b, { inputs }) => {
  const x = b.cast(inputs['x']!, 'float32');
  const one = b.scalar(1, 'float32');
  const size = b.unary('Abs', x);
  const huge = b.binary('Greater', size, b.scalar(1e8, 'float32'), 'bool');
  const safe = b.where(huge, one, size);
  const square = b.binary('Mul', safe, safe);
  const root = b.unary('Sqrt', b.binary('Add', square, one));
  const excess = b.binary('Add', safe, b.binary('Div', square, b.binary('Add', one, root)));
  const near = log1p(b, excess);
  const far = b.binary('Add', b.unary('Log', size), b.scalar(Math.LN2, 'float32'));
  return b.binary('Mul', b.unary('Sign', x), b.where(huge, far, near));
};

/** ln(1 + x) without loss for small x (Kahan): x · ln(u) / (u − 1) with u = 1 + x rounded, and x itself where u = 1. */
export function log1p(b: GraphBuilder, x: number): number {
  const one = b.scalar(1, 'float32');
  const u = b.binary('Add', x, one);
  const ratio = b.binary('Div', b.binary('Mul', b.unary('Log', u), x), b.binary('Sub', u, one));
  const tiny = b.binary('Equal', u, one, 'bool');
  // u − 1 is infinite where x is: there ln(u) is already the answer.
  const huge = b.binary('Greater', x, b.scalar(1e30, 'float32'), 'bool');
  return b.where(tiny, x, b.where(huge, b.unary('Log', u), ratio));
}

/** The angle of (b, a) in (−π, π], with the signs of zeros and infinities as in C. */
const atan2: Lowering = (b, { inputs }) => {
  const [y, x] = [b.cast(inputs['a']!, 'float32'), b.cast(inputs['b']!, 'float32')];
  const scalar = (value: number) => b.scalar(value, 'float32');
  const zero = scalar(0);
  const isInfinite = (value: number) => b.node('IsInf', [value], b.shape(value), 'bool');
  const bothInfinite = b.binary('And', isInfinite(y), isInfinite(x));
  const run = b.where(bothInfinite, b.unary('Sign', x), x);
  const rise = b.where(bothInfinite, b.unary('Sign', y), y);
  // 1 / −0 tells −0 from 0.
  const isNegative = (value: number) => {
    const inverse = b.binary('Less', b.unary('Reciprocal', value), zero, 'bool');
    const isZero = b.binary('Equal', value, zero, 'bool');
    return b.where(isZero, inverse, b.binary('Less', value, zero, 'bool'));
  };
  const atOrigin = b.binary('And', b.binary('Equal', rise, zero, 'bool'), b.binary('Equal', run, zero, 'bool'));
  const slope = b.binary('Div', rise, b.where(atOrigin, scalar(1), run));
  const half = b.where(isNegative(rise), scalar(-Math.PI), scalar(Math.PI));
  const turn = b.where(isNegative(run), half, zero);
  return b.binary('Add', b.unary('Atan', slope), turn);
};

export const trigonometryLowerings: Lowerings = {
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Tan: unary('Tan'),
  Asin: unary('Asin'),
  Acos: unary('Acos'),
  Atan: unary('Atan'),
  Atan2: atan2,
  Sinh: unary('Sinh'),
  Cosh: unary('Cosh'),
  Tanh: unary('Tanh'),
  Asinh: asinh,
  Acosh: unary('Acosh'),
  Atanh: unary('Atanh'),
};
