import { agreementChecks, agreementOf } from '../../packages/evals/src/testing/agreement.ts';
import { markdownTable } from './markdown-table.ts';

/**
 * `npm run bench -- agreement`: every golden case of the reference code, and how many of them `@vlm/evals` computes otherwise. With
 * GOLDEN_DIR, the cases of that folder, and the package's own where it has none of a kind.
 *
 * @param options.json one last line for machines
 */
export function agreementBenchmark(options: { json?: boolean }): void {
  const found = agreementChecks().map(agreementOf);
  console.log(
    markdownTable(
      ['metric', 'files', 'precision', 'cases', 'mismatches'],
      found.map(({ metric, file, precision, cases, mismatches }) => [
        metric,
        `${file}*.json`,
        precision,
        String(cases),
        String(mismatches.length),
      ]),
    ),
  );
  const sum = (of: (one: (typeof found)[number]) => number): number => found.reduce((all, one) => all + of(one), 0);
  const wrong = sum(({ mismatches }) => mismatches.length);
  console.log(`\n${sum(({ cases }) => cases)} comparisons, ${wrong} mismatches`);
  for (const { metric, leftOut } of found)
    if (leftOut) console.log(`left out: ${leftOut.cases} of "${metric}": ${leftOut.why}`);
  for (const { metric, mismatches } of found)
    for (const { id, got, expected } of mismatches.slice(0, 5))
      console.log(`${metric}, ${id}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);
  if (options.json)
    console.log(JSON.stringify(found.map(({ mismatches, ...rest }) => ({ ...rest, mismatches: mismatches.length }))));
  if (wrong > 0) process.exitCode = 1;
}
