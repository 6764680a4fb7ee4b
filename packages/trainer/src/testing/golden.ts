import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface GoldenCase<Input, Expected> {
  id: string;
  kind: string;
  input: Input;
  expected: Expected;
}

/** All cases of every file of this kind in the fixtures, or in the folder that GOLDEN_DIR names. */
export function goldenCases<Input, Expected>(prefix: string): GoldenCase<Input, Expected>[] {
  const folder = process.env['GOLDEN_DIR'] ?? fileURLToPath(new URL('../../fixtures', import.meta.url));
  const files = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith('.json'));
  if (files.length === 0) throw new Error(`No golden file ${prefix}*.json in ${folder}`);
  return files.sort().flatMap((name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')).cases);
}
