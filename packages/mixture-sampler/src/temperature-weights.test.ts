import { describe, expect, it } from 'vitest';
import { temperatureWeights } from './index.ts';

describe('temperatureWeights', () => {
  it('keeps proportions at 1, evens them out above', () => {
    const sizes = { en: 900, is: 100 };
    expect(temperatureWeights(sizes, 1)['en']).toBeCloseTo(0.9, 12);
    expect(temperatureWeights(sizes, 2)).toEqual({ en: 0.75, is: 0.25 });
    expect(temperatureWeights(sizes, Number.POSITIVE_INFINITY)).toEqual({ en: 0.5, is: 0.5 });
    expect(temperatureWeights(sizes, 0.5)['is']).toBeCloseTo(1 / 82, 12);
  });

  it('does not overflow', () => {
    const weights = temperatureWeights({ a: 1e300, b: 1e-300 }, 0.1);
    expect(weights).toEqual({ a: 1, b: 0 });
  });

  it.each([
    [{ a: 1 }, 0, /temperature: expected a positive number, got 0/],
    [{ a: 1 }, Number.NaN, /got NaN/],
    [{}, 1, /at least one source/],
    [{ a: 0 }, 1, /size of "a".*got 0/],
    [{ a: Number.POSITIVE_INFINITY }, 1, /got Infinity/],
  ])('%j at %s', (sizes, temperature, message) => {
    expect(() => temperatureWeights(sizes as Record<string, number>, temperature)).toThrow(message);
  });
});
