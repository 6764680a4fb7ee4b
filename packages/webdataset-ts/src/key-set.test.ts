import { expect, it } from 'vitest';
import { KeySet } from './key-set.ts';

it('knows every key, also where one set is full', () => {
  const keys = new KeySet(3);
  const all = Array.from({ length: 10 }, (_, i) => `key ${i}`);
  for (const key of all) {
    expect(keys.has(key)).toBe(false);
    keys.add(key);
    expect(keys.has(key)).toBe(true);
  }
  expect(all.every((key) => keys.has(key))).toBe(true);
});
