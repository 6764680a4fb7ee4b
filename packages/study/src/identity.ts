import { createHash } from 'node:crypto';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Version of everything that moves numbers and is not written in a recipe: initialisation, order of data, arithmetic.
 * Raising it makes every phase of an existing store run again.
 */
export const numericsVersion = 3;

/**
 * JSON with sorted keys and no white space: equal values give equal text.
 *
 * @throws TypeError on NaN, infinities, functions and undefined array items, which JSON would silently change.
 * @example canonicalJson({ b: 1, a: [true] }) // '{"a":[true],"b":1}'
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`Expected a finite number in an identity, got ${value}.`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  throw new TypeError(`Expected plain data in an identity, got ${typeof value}.`);
}

/** Identity of a plain value: the first 16 hexadecimal digits of the SHA-256 of its canonical JSON. */
export function identityOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
}
