import { falseAlarms, families, powers } from './calibrate-decisions.ts';
import { calibrateItems } from './calibrate-items.ts';
import { calibrateSeeds, items, type Method, methods } from './calibrate-seeds.ts';
import { calibrationFigure } from './calibration-figure.ts';
import { markdownTable } from './markdown-table.ts';

const percent = (share: number): string => (Number.isNaN(share) ? '–' : (100 * share).toFixed(1));

/**
 * `npm run bench -- calibration`: simulated studies, of which the truth is known, judged by the statistics of `@vlm/evals`.
 *
 * @param options.studies per line; 2,000 know a coverage of 95 % to ± 1.0 points
 * @param options.figure writes the figure of the package's README
 * @param options.json one last line for machines
 */
export async function calibrationBenchmark(options: {
  studies: number;
  figure?: boolean;
  json?: boolean;
}): Promise<void> {
  const { studies } = options;
  const error = 196 * Math.sqrt((0.95 * 0.05) / studies);
  console.log(`${studies} simulated studies a line; a coverage of 95 % is known to ± ${error.toFixed(1)} points.\n`);

  const ofItems = calibrateItems(studies);
  console.log('95 % intervals over items that hold the truth, per cent\n');
  console.log(
    markdownTable(
      ['', 'by', 'items', 'coverage', 'median width'],
      ofItems.map(({ what, how, items: n, coverage, width }) => [
        what,
        how,
        `${n}`,
        percent(coverage),
        width.toFixed(3),
      ]),
    ),
  );

  const names = Object.keys(methods) as Method[];
  const ofSeeds = calibrateSeeds(studies);
  console.log(`\n95 % intervals over seeds and ${items} items of a paired difference that hold the truth, per cent\n`);
  console.log(
    markdownTable(
      ['seeds', 'scatter of seeds', ...names, 'median width of ours'],
      ofSeeds.map(({ seeds, deviation, coverage, width }) => [
        `${seeds}`,
        `${100 * deviation} points`,
        ...names.map((name) => percent(coverage[name])),
        width.toFixed(3),
      ]),
    ),
  );
  if (options.figure) await calibrationFigure(ofSeeds);

  const alarms = falseAlarms(studies);
  console.log('\nEqual arms called different, per cent of studies (at most 5)\n');
  console.log(
    markdownTable(
      ['', 'setting', 'rate'],
      alarms.map(({ what, setting, rate }) => [what, setting, percent(rate)]),
    ),
  );

  const ofFamilies = families(Math.ceil(studies / 2));
  console.log('\nTen arms against one, four seeds: per cent\n');
  console.log(
    markdownTable(
      ['correction', 'arms that differ', 'studies with a false call', 'false among calls', 'differences found'],
      ofFamilies.map(({ correction, different, familyError, falseShare, found }) => [
        correction,
        `${different} of 10`,
        percent(familyError),
        percent(falseShare),
        percent(found),
      ]),
    ),
  );

  const power = powers(studies);
  console.log('\nThe smallest true difference that is found in four studies of five, in points\n');
  console.log(
    markdownTable(
      ['items', 'seeds', 'scatter of seeds', 'difference', 'found in simulation, %'],
      power.map(({ items: n, seeds, seedDeviation, detectable, found }) => [
        `${n}`,
        `${seeds}`,
        seeds === 1 ? '–' : `${100 * seedDeviation}`,
        (100 * detectable).toFixed(1),
        percent(found),
      ]),
    ),
  );
  if (options.json)
    console.log(JSON.stringify({ studies, items: ofItems, seeds: ofSeeds, alarms, families: ofFamilies, power }));
}
