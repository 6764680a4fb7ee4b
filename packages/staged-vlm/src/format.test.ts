import { describe, expect, it } from 'vitest';
import { formatCount, formatDuration, formatTable } from './format.ts';

describe('format', () => {
  it.each([
    [0, '0:00'],
    [75, '1:15'],
    [3599.6, '1:00:00'],
    [-3, '0:00'],
    [3.5 * 86_400, '3.5 days'],
    [3.65e10, '1.16k years'],
  ])('duration %d', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it.each([
    [0, '0'],
    [999.4, '999.4'],
    [999.6, '1.00k'],
    [16_700, '16.7k'],
    [236_742_144_000, '237G'],
  ])('count %d', (count, text) => expect(formatCount(count)).toBe(text));

  it('pads a table to its widest cells', () => {
    expect(
      formatTable([
        ['a', 'n'],
        ['bb', '10'],
      ]),
    ).toBe('a    n\nbb  10');
  });
});
