import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface GoldenCase<Input, Expected> {
  id?: string;
  kind?: string;
  input: Input;
  expected: Expected;
}

/** All cases of every file of this kind in the folder that GOLDEN_DIR names, or in the fixtures where it holds none of the kind. */
export function goldenCases<Input, Expected>(prefix: string): GoldenCase<Input, Expected>[] {
  const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url));
  const folders = [process.env['GOLDEN_DIR'] ?? fixtures, fixtures];
  const files = folders.map((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
      .map((name) => `${folder}/${name}`),
  );
  const found = files.find((own) => own.length > 0);
  if (!found) throw new Error(`No golden file ${prefix}*.json in ${folders.join(' or ')}`);
  return found.sort().flatMap((path) => JSON.parse(readFileSync(path, 'utf8')).cases);
}

/** The cases that a check finds wrong: one assertion for thousands of cases, with the failing ones in the message. */
export function failures<Input, Expected>(
  cases: readonly GoldenCase<Input, Expected>[],
  got: (input: Input, one: GoldenCase<Input, Expected>) => unknown,
  expected: (value: Expected) => unknown = (value) => value,
  same: (a: unknown, b: unknown) => boolean = Object.is,
): unknown[] {
  return cases.flatMap((one) => {
    const [a, b] = [got(one.input, one), expected(one.expected)];
    return same(a, b) ? [] : [{ id: one.id, input: one.input, got: a, expected: b }];
  });
}

/** Equal to a relative 1e-12. */
export function close(a: unknown, b: unknown): boolean {
  return (
    typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b))
  );
}
