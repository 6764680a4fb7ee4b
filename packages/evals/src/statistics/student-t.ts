import { EvalsError } from '../errors.ts';
import { normalQuantile } from './normal.ts';

/**
 * P(T ≤ x) of Student's t: the finite sums of Abramowitz and Stegun 26.7.3 and 26.7.4. Absolute error below 1e-13.
 * @param degrees of freedom, a positive integer
 * @example tCdf(4.302652729911275, 2) // 0.975
 */
export function tCdf(x: number, degrees: number): number {
  checkDegrees(degrees);
  if (!Number.isFinite(x)) return x > 0 ? 1 : 0;
  const theta = Math.atan(x / Math.sqrt(degrees));
  const [sine, square] = [Math.sin(theta), Math.cos(theta) ** 2];
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? Math.cos(theta) : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k < degrees; k += 2) {
    term *= ((k - 1) / k) * square;
    sum += term;
  }
  const between = isOdd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum;
  return 0.5 + between / 2;
}

/**
 * Quantile of Student's t: the root of {@link tCdf} by false position (Illinois), to 13 digits.
 * @param p in (0, 1)
 * @example tQuantile(0.975, 2) // 4.302652729749462
 */
export function tQuantile(p: number, degrees: number): number {
  checkDegrees(degrees);
  if (!(p > 0 && p < 1)) throw new EvalsError('INVALID_OPTION', `t quantile: expected p in (0, 1), got ${p}.`);
  if (p < 0.5) return -tQuantile(1 - p, degrees);
  let low = normalQuantile(p);
  let high = 1.01 * low + 0.01;
  while (tCdf(high, degrees) < p) [low, high] = [high, 2 * high];
  let [below, above] = [tCdf(low, degrees) - p, tCdf(high, degrees) - p];
  let x = high;
  let side = 0;
  for (let i = 0; i < 200 && high - low > 1e-13 * high && above > 0; i++) {
    x = (low * above - high * below) / (above - below);
    const off = tCdf(x, degrees) - p;
    if (off === 0) return x;
    const isAgain = Math.sign(off) === side; // the same end moved twice: halve the other's weight
    side = Math.sign(off);
    if (off < 0) [low, below, above] = [x, off, isAgain ? above / 2 : above];
    else [high, above, below] = [x, off, isAgain ? below / 2 : below];
  }
  return x;
}

function checkDegrees(degrees: number): void {
  if (!Number.isInteger(degrees) || degrees < 1)
    throw new EvalsError('INVALID_OPTION', `Student's t: expected a positive integer of degrees, got ${degrees}.`);
}
