import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One reference case. */
export interface GoldenCase<Input, Expected> {
  id: string;
  kind: string;
  note?: string;
  input: Input;
  expected: Expected;
}

/** Where reference files lie: the package's fixtures, or the folder that GOLDEN_DIR names. */
export const goldenFolder: string = process.env['GOLDEN_DIR'] ?? join(import.meta.dirname, '../../fixtures');

/** Every case of every reference file whose name begins with `kind`. */
export function goldenCases<Input, Expected>(kind: string): GoldenCase<Input, Expected>[] {
  return readdirSync(goldenFolder)
    .filter((name) => name.startsWith(kind) && name.endsWith('.json'))
    .sort()
    .flatMap((name) => JSON.parse(readFileSync(join(goldenFolder, name), 'utf8')).cases);
}
