/**
 * Shares that change over training: the ideal delivery of every source as a function of the total T delivered by all.
 *
 * Between two knots the shares p_i(t) go from one knot's to the next's; they sum to 1 at every t. The ideal delivery is
 * G_i(T) = ∫₀ᵀ p_i(t) dt, in closed form on each segment: a line (step), a parabola (linear), a line and a sine (cosine).
 */
import type { ScheduleKnot } from './types.ts';

/** One stretch between two knots; the last one has no end. */
interface Segment {
  from: number;
  length: number;
  ramp: 'step' | 'linear' | 'cosine';
  /** Shares at its two ends and ideal delivery at its beginning, by source. */
  first: Float64Array;
  last: Float64Array;
  before: Float64Array;
}

/** Ideal shares and deliveries of sources 0 … n − 1 by the total delivered. */
export interface ShareCurve {
  /** p_i at T. */
  share(source: number, total: number): number;
  /** G_i(T). */
  delivery(source: number, total: number): number;
  /** The least T with G_i(T) ≥ amount; `Infinity` where the source never gets that much. */
  due(source: number, amount: number): number;
}

/**
 * @param knots in order, the first at 0
 * @param names of the sources that share; at a knot where none of them has a weight, shares are those of the next knot where one has
 *   (or else of the one before)
 */
export function shareCurve(knots: readonly ScheduleKnot[], names: readonly string[]): ShareCurve {
  const segments = segmentsOf(knots, names);
  const at = (total: number): Segment => {
    let i = segments.length - 1;
    while (i > 0 && segments[i]!.from > total) i--;
    return segments[i]!;
  };
  return {
    share: (source, total) => {
      const segment = at(total);
      return shareIn(segment, source, total - segment.from);
    },
    delivery: (source, total) => {
      const segment = at(total);
      return segment.before[source]! + deliveredIn(segment, source, total - segment.from);
    },
    due: (source, amount) => {
      let i = 0;
      while (i + 1 < segments.length && segments[i + 1]!.before[source]! < amount) i++;
      const segment = segments[i]!;
      const left = amount - segment.before[source]!;
      return left <= 0 ? segment.from : segment.from + timeIn(segment, source, left);
    },
  };
}

function segmentsOf(knots: readonly ScheduleKnot[], names: readonly string[]): Segment[] {
  const shares = sharesAtKnots(knots, names);
  const segments: Segment[] = [];
  let before = new Float64Array(names.length);
  knots.forEach((knot, k) => {
    const next = knots[k + 1];
    const ramp = next?.ramp ?? 'step';
    const segment: Segment = {
      from: knot.at,
      length: next === undefined ? Number.POSITIVE_INFINITY : next.at - knot.at,
      ramp,
      first: shares[k]!,
      last: ramp === 'step' ? shares[k]! : shares[k + 1]!,
      before,
    };
    segments.push(segment);
    if (next !== undefined) before = before.map((sum, i) => sum + deliveredIn(segment, i, segment.length));
  });
  return segments;
}

function sharesAtKnots(knots: readonly ScheduleKnot[], names: readonly string[]): Float64Array[] {
  const own = knots.map(({ weights }) => {
    const sum = names.reduce((all, name) => all + weights[name]!, 0);
    return sum > 0 ? Float64Array.from(names, (name) => weights[name]! / sum) : undefined;
  });
  return own.map((shares, k) => shares ?? own.slice(k).find(Boolean) ?? own.findLast(Boolean)!);
}

function shareIn({ ramp, length, first, last }: Segment, i: number, passed: number): number {
  const [a, b] = [first[i]!, last[i]!];
  if (ramp === 'step' || a === b) return a;
  const x = passed / length;
  return ramp === 'linear' ? a + (b - a) * x : a + ((b - a) * (1 - Math.cos(Math.PI * x))) / 2;
}

function deliveredIn({ ramp, length, first, last }: Segment, i: number, passed: number): number {
  const [a, b] = [first[i]!, last[i]!];
  if (ramp === 'step' || a === b) return a * passed;
  const x = passed / length;
  const risen = ramp === 'linear' ? (x * x) / 2 : x / 2 - Math.sin(Math.PI * x) / (2 * Math.PI);
  return a * passed + (b - a) * length * risen;
}

/** The inverse of {@link deliveredIn}: how much of the segment must pass. `Infinity` where it never comes. */
function timeIn(segment: Segment, i: number, amount: number): number {
  const { ramp, length, first, last } = segment;
  const [a, b] = [first[i]!, last[i]!];
  if (ramp === 'step' || a === b) return a > 0 ? amount / a : Number.POSITIVE_INFINITY;
  if (ramp === 'linear') {
    const root = Math.sqrt(Math.max(0, a * a + (2 * (b - a) * amount) / length)); // less than 0 only by rounding
    // Both are 0 where the share begins at 0 and the amount is so small that its square is none.
    return a + root > 0 ? Math.min(length, (2 * amount) / (a + root)) : 0;
  }
  // Newton's steps, kept between two bounds: the share may be 0 at an end.
  let [low, high] = [0, length];
  let time = length / 2;
  for (let step = 0; step < 60 && high - low > length * 2 ** -50; step++) {
    const missing = amount - deliveredIn(segment, i, time);
    if (missing === 0) break;
    if (missing > 0) low = time;
    else high = time;
    const guess = time + missing / shareIn(segment, i, time);
    time = guess > low && guess < high ? guess : (low + high) / 2;
  }
  return time;
}
