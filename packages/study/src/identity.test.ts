import { describe, expect, it } from 'vitest';
import { canonicalJson, identityOf } from './identity.ts';
import { suggest } from './suggest.ts';

describe('identity', () => {
  it('does not depend on the order of keys, and on nothing left undefined', () => {
    expect(identityOf({ a: 1, b: [{ d: 2, c: 3 }] })).toBe(identityOf({ b: [{ c: 3, d: 2, e: undefined }], a: 1 }));
    expect(identityOf({ a: 1 })).not.toBe(identityOf({ a: 2 }));
  });

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [() => 1], [[undefined]]])(
    'refuses %s, which JSON would change',
    (value) => {
      expect(() => canonicalJson({ value })).toThrow(TypeError);
    },
  );
});

describe('suggest', () => {
  it.each([
    ['warmupStep', 'warmupSteps'],
    ['lrpeak', 'lrPeak'],
    ['tokesn', 'tokens'],
    ['zzz', undefined],
  ])('%s → %s', (word, expected) => {
    expect(suggest(word, ['warmupSteps', 'lrPeak', 'tokens', 'batchSize'])).toBe(expected);
  });
});
