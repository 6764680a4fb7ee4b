/** The few places where Python's text functions differ from JavaScript's, as the reference scorers rely on them. */

/** Python's `str.isspace` (ASCII separators and NEL are space, U+FEFF is not), as the inside of a character class. */
export const pythonSpace =
  '\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const runs = new RegExp(`[${pythonSpace}]+`, 'u');
const ends = new RegExp(`^[${pythonSpace}]+|[${pythonSpace}]+$`, 'gu');

/** `text.split()`: the words between runs of white space. */
export function pythonSplit(text: string): string[] {
  return text.split(runs).filter((word) => word !== '');
}

/** `text.strip()`. */
export function pythonStrip(text: string): string {
  return text.replace(ends, '');
}

/**
 * Python's `round(x, 2)`: the two-digit decimal nearest to the exact binary value; ties, which need x · 8 to be odd, go to the even digit
 * (`toFixed` sends them away from zero).
 * @example pythonRound2(0.125) // 0.12
 */
export function pythonRound2(x: number): number {
  const eighths = x * 8;
  if (Number.isInteger(eighths) && eighths % 2 !== 0) {
    const below = Math.floor(x * 100); // exact: x is a multiple of 1/8, so x · 100 is a multiple of 1/2
    return (below % 2 === 0 ? below : below + 1) / 100;
  }
  return Number(x.toFixed(2));
}
