import type { Cell } from './document.ts';
import type { ArmScore } from './results.ts';

/** `48.2` with its interval beside it and, where there are several, the value of every seed below. */
export function estimateCell(row: ArmScore | undefined, { scale, digits } = formatOf(row?.metric)): Cell {
  if (!row) return '–';
  const show = (value: number): string => decimal(scale * value, digits);
  const note = row.low === row.high ? '' : `[${show(row.low)}, ${show(row.high)}]`;
  const isVaried = row.perSeed.length > 1 && new Set(row.perSeed.map(show)).size > 1;
  const below = isVaried ? `seeds ${row.perSeed.map(show).join(' / ')}` : '';
  if (!note && !below) return show(row.value);
  return { text: show(row.value), ...(note ? { note } : {}), ...(below ? { below } : {}) };
}

/** Points of a hundred, but bits per byte and CIDEr-D as they are. */
export function formatOf(metric: string | undefined): { scale: number; digits: number } {
  return metric === 'bits-per-byte' ? { scale: 1, digits: 3 } : { scale: 100, digits: 1 };
}

/** A number with so many digits after the point and a true minus sign; what rounds to zero has no sign. */
export function decimal(value: number, digits: number): string {
  const shown = value.toFixed(digits);
  return Number(shown) === 0 ? (0).toFixed(digits) : shown.replace('-', '−');
}

export const percent = (value: number, digits = 0): string => `${(100 * value).toFixed(digits)} %`;

export function count(value: number): string {
  if (value >= 1e12) return `${(value / 1e12).toFixed(2)}T`;
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)}B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(0)}k` : String(value);
}

export const grouped = (value: number): string => Math.round(value).toLocaleString('en');

/** Seconds as hours and minutes, or minutes and seconds below an hour. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours} h ${String(minutes).padStart(2, '0')} min` : `${minutes} min ${whole % 60} s`;
}

/** `a, b and c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
