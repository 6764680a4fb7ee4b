import { falseAlarms, families, powers } from './calibrate-decisions.ts';
import { calibrateItems } from './calibrate-items.ts';
import { calibrateSeeds, items, type Method, methods } from './calibrate-seeds.ts';
import { calibrationFigure } from './calibration-figure.ts';
import { markdownTable } from './markdown-table.ts';

const percent = (share: number): string => (Number.isNaN(share) ? '–' : (100 * share).toFixed(1));

/** One table each, by the name that `--only` takes. */
const parts: Record<string, (studies: number, figure: boolean) => Promise<unknown> | unknown> = {
  items(studies) {
    const found = calibrateItems(studies);
    print('95 % intervals over items that hold the truth, per cent', [
      ['', 'by', 'items', 'coverage', 'median width'],
      ...found.map(({ what, how, items: n, coverage, width }) => [
        what,
        how,
        `${n}`,
        percent(coverage),
        width.toFixed(3),
      ]),
    ]);
    return found;
  },
  async seeds(studies, figure) {
    const names = Object.keys(methods) as Method[];
    const found = calibrateSeeds(studies);
    print(`95 % intervals over seeds and ${items} items of a paired difference that hold the truth, per cent`, [
      ['seeds', 'scatter of seeds', ...names, 'median width of ours'],
      ...found.map(({ seeds, deviation, coverage, width }) => [
        `${seeds}`,
        `${100 * deviation} points`,
        ...names.map((name) => percent(coverage[name])),
        width.toFixed(3),
      ]),
    ]);
    if (figure) await calibrationFigure(found);
    return found;
  },
  alarms(studies) {
    const found = falseAlarms(studies);
    print('Equal arms called different, per cent of studies', [
      ['', 'setting', 'rate'],
      ...found.map(({ what, setting, rate }) => [what, setting, percent(rate)]),
    ]);
    return found;
  },
  families(studies) {
    const found = families(Math.ceil(studies / 2));
    print(`Ten arms against one, four seeds, ${Math.ceil(studies / 2)} studies: per cent`, [
      ['correction', 'arms that differ', 'studies with a false call', 'false among calls', 'differences found'],
      ...found.map(({ correction, different, familyError, falseShare, found: seen }) => [
        correction,
        `${different} of 10`,
        percent(familyError),
        percent(falseShare),
        percent(seen),
      ]),
    ]);
    return found;
  },
  power(studies) {
    const found = powers(studies);
    print('The smallest true difference that is found in four studies of five, in points', [
      ['items', 'seeds', 'scatter of seeds', 'difference', 'found in simulation, %'],
      ...found.map(({ items: n, seeds, seedDeviation, detectable, found: seen }) => [
        `${n}`,
        `${seeds}`,
        seeds === 1 ? '–' : `${100 * seedDeviation}`,
        (100 * detectable).toFixed(1),
        percent(seen),
      ]),
    ]);
    return found;
  },
};
export const calibrationParts: readonly string[] = Object.keys(parts);

/**
 * `npm run bench -- calibration`: simulated studies, of which the truth is known, judged by the statistics of `@vlm/evals`.
 *
 * @param options.studies per line; 2,000 know a coverage of 95 % to ± 1.0 points
 * @param options.only names of tables, with commas; default all
 * @param options.figure writes the figure of the package's README
 * @param options.json one last line for machines
 */
export async function calibrationBenchmark(options: {
  studies: number;
  only?: string;
  figure?: boolean;
  json?: boolean;
}): Promise<void> {
  const { studies } = options;
  const names = options.only?.split(',') ?? calibrationParts;
  for (const name of names)
    if (!Object.hasOwn(parts, name))
      throw new Error(`Expected --only with ${calibrationParts.join(', ')}, got ${name}.`);
  const error = 196 * Math.sqrt((0.95 * 0.05) / studies);
  console.log(`${studies} simulated studies a line; a coverage of 95 % is known to ± ${error.toFixed(1)} points.`);
  const results: Record<string, unknown> = {};
  for (const name of names) results[name] = await parts[name]!(studies, options.figure ?? false);
  if (options.json) console.log(JSON.stringify({ studies, ...results }));
}

function print(title: string, [head, ...rows]: readonly (readonly string[])[]): void {
  console.log(`\n${title}\n\n${markdownTable(head!, rows)}`);
}
