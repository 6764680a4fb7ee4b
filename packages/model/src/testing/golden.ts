import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.env['GOLDEN_DIR'] ?? fileURLToPath(new URL('../../fixtures', import.meta.url));

/** Reference files of one kind, from this package's fixtures or from the folder that GOLDEN_DIR names. */
export function goldenFiles(pattern: RegExp): { name: string; bytes: Uint8Array }[] {
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  if (names.length === 0) throw new Error(`No reference file matches ${pattern} in ${folder}.`);
  return names.sort().map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

export interface GoldenCase<Input, Expected> {
  id: string;
  kind: string;
  input: Input;
  expected: Expected;
}

export function goldenCases<Input, Expected>(pattern: RegExp): GoldenCase<Input, Expected>[] {
  return goldenFiles(pattern).flatMap(({ bytes }) => JSON.parse(Buffer.from(bytes).toString('utf8')).cases);
}
