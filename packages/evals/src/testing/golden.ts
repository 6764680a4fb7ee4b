import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface GoldenCase<Input = unknown, Expected = unknown> {
  id?: string;
  kind?: string;
  input: Input;
  expected: Expected;
}

/** Where the package's own cases lie. */
export const fixtures: string = fileURLToPath(new URL('../../fixtures', import.meta.url));

/**
 * All cases of every file of this kind in the folder that GOLDEN_DIR names, or in the fixtures where it holds none of the kind. Seeds beyond
 * 2⁵³ come as text.
 */
export function goldenCases<Input, Expected>(prefix: string): GoldenCase<Input, Expected>[] {
  const folders = [process.env['GOLDEN_DIR'] ?? fixtures, fixtures];
  const files = folders.map((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
      .map((name) => `${folder}/${name}`),
  );
  const found = files.find((own) => own.length > 0);
  if (!found) throw new Error(`No golden file ${prefix}*.json in ${folders.join(' or ')}`);
  return found.sort().flatMap((path) => {
    const text = readFileSync(path, 'utf8').replaceAll(/("seed":\s*)(-?\d{16,})/g, '$1"$2"');
    return (JSON.parse(text) as { cases: GoldenCase<Input, Expected>[] }).cases;
  });
}
