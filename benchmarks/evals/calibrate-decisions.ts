/** How often are equal arms called different, one at a time and in families of comparisons; and are differences found as often as promised? */
import { benjaminiHochberg, bootstrapRuns, compare, holm, mcNemarExact, minimumDetectableDifference } from '@vlm/evals';
import { createRandom } from '../../packages/evals/src/random.ts';
import {
  normal,
  type StudyShape,
  shareOfSeeds,
  simulatedPair,
} from '../../packages/evals/src/testing/simulated-studies.ts';

export interface ErrorRow {
  what: string;
  setting: string;
  /** Share of studies in which a difference was seen that is none. */
  rate: number;
}

const resamples = 500;
const armOf = (name: string, runs: readonly (readonly number[])[]) => ({
  name,
  runs: runs.map((run) => run.map((score, i) => ({ id: `${i}`, score }))),
});
const share = (studies: number, isSo: (study: number) => boolean): number =>
  Array.from({ length: studies }, (_, study) => isSo(study)).filter(Boolean).length / studies;

/** Two arms, equally good. */
export function falseAlarms(studies: number): ErrorRow[] {
  const random = createRandom('false alarms');
  const pair = (shape: StudyShape, shared: number) => simulatedPair(random, { ...shape, gain: 0, shared });
  const rows: ErrorRow[] = [];
  for (const [items, shared, apart] of [
    [100, 0.99, 'few'],
    [100, 0.5, 'many'],
    [400, 0.99, 'few'],
    [400, 0.5, 'many'],
  ] as const) {
    const shape = { seeds: 1, items, accuracy: 0.4, ofSeeds: 0, ofItems: 0.97 };
    const setting = `${items} items, one run, ${apart} answers differ`;
    let [exact, verdicts] = [0, 0];
    for (let study = 0; study < studies; study++) {
      const { a, b } = pair(shape, shared);
      const only = (x: number[], y: number[]): number => x.filter((score, i) => score > y[i]!).length;
      if (mcNemarExact(only(a[0]!, b[0]!), only(b[0]!, a[0]!)) < 0.05) exact++;
      const { verdict } = compare(armOf('a', a), armOf('b', b), { seed: study, resamples });
      if (verdict !== 'cannot be told apart') verdicts++;
    }
    rows.push({ what: 'McNemar’s exact p < 0.05', setting, rate: exact / studies });
    rows.push({ what: '`compare` tells them apart', setting, rate: verdicts / studies });
  }
  for (const seeds of [2, 3, 5]) {
    const shape = { seeds, items: 200, accuracy: 0.4, ofSeeds: shareOfSeeds(0.4, 0.03), ofItems: 0.5 };
    rows.push({
      what: '`compare` tells them apart',
      setting: `200 items, ${seeds} seeds that scatter by 3 points`,
      rate: share(studies, (study) => {
        const { a, b } = pair(shape, 0.8);
        return compare(armOf('a', a), armOf('b', b), { seed: study, resamples }).verdict !== 'cannot be told apart';
      }),
    });
  }
  return rows;
}

export interface FamilyRow {
  correction: string;
  /** Of ten arms, how many truly differ from the one that all are compared with. */
  different: number;
  /** Share of studies with at least one false call. */
  familyError: number;
  /** False calls among all calls, on average (0 where none is made). */
  falseShare: number;
  /** Of the true differences, how many are called. */
  found: number;
}

/** Ten arms, each compared with the same eleventh; four seeds. */
export function families(studies: number): FamilyRow[] {
  const arms = 10;
  const [seeds, items, ofSeed, ofItem, rest] = [4, 100, 0.02, 0.25, 0.35];
  const corrections = {
    none: (ps: readonly number[]) => ps,
    '`holm`': holm,
    '`benjaminiHochberg`': benjaminiHochberg,
  };
  return [0, 4].flatMap((different) => {
    const random = createRandom(`families with ${different} differences`);
    const counts = Object.keys(corrections).map(() => ({ family: 0, falseShare: 0, found: 0 }));
    for (let study = 0; study < studies; study++) {
      const reference = Array.from({ length: seeds }, () => ofSeed * normal(random));
      const referenceItems = Array.from({ length: items }, () => ofItem * normal(random));
      const ps = Array.from({ length: arms }, (_, arm) => {
        const own = Array.from({ length: items }, () => ofItem * normal(random));
        const runs = reference.map((common) => {
          const lead = (arm < different ? 0.2 : 0) + ofSeed * normal(random) - common;
          return own.map((item, i) => lead + item - referenceItems[i]! + rest * normal(random));
        });
        const none = runs.map((run) => run.map(() => 0));
        return compare(armOf('a', runs), armOf('b', none), { seed: study, resamples: 1000 }).p;
      });
      Object.values(corrections).forEach((correct, at) => {
        const called = correct(ps).map((p) => p < 0.05);
        const wrong = called.filter((one, arm) => one && arm >= different).length;
        const all = called.filter(Boolean).length;
        counts[at]!.family += wrong > 0 ? 1 : 0;
        counts[at]!.falseShare += all === 0 ? 0 : wrong / all;
        counts[at]!.found += all - wrong;
      });
    }
    return Object.keys(corrections).map((correction, at) => ({
      correction,
      different,
      familyError: counts[at]!.family / studies,
      falseShare: counts[at]!.falseShare / studies,
      found: different === 0 ? Number.NaN : counts[at]!.found / studies / different,
    }));
  });
}

export interface PowerRow {
  items: number;
  seeds: number;
  seedDeviation: number;
  /** The smallest true difference found in four studies of five, as promised. */
  detectable: number;
  /** Share of simulated studies that found it. */
  found: number;
}

/** Paired differences of right and wrong (standard deviation 0.55 over items, half of it the items' own). */
export function powers(studies: number): PowerRow[] {
  const [standardDeviation, itemCorrelation] = [0.55, 0.5];
  const cells = [100, 300, 1000].flatMap((items) => [
    { items, seeds: 1, seedDeviation: 0 },
    ...[3, 5, 10].flatMap((seeds) => [0.01, 0.03].map((seedDeviation) => ({ items, seeds, seedDeviation }))),
  ]);
  return cells.map(({ items, seeds, seedDeviation }): PowerRow => {
    const detectable = minimumDetectableDifference({
      n: items,
      standardDeviation,
      ...(seeds === 1 ? {} : { seeds, seedDeviation, itemCorrelation }),
    });
    const random = createRandom(`power of ${items} items, ${seeds} seeds, ${seedDeviation}`);
    const part = standardDeviation * Math.sqrt(itemCorrelation);
    const found = share(studies, (study) => {
      const perItem = Array.from({ length: items }, () => part * normal(random));
      const runs = Array.from({ length: seeds }, () => {
        const lead = detectable + seedDeviation * normal(random);
        return perItem.map((item) => lead + item + part * normal(random));
      });
      const { low, high } = bootstrapRuns(runs, { seed: study, resamples: 300 });
      return low > 0 || high < 0;
    });
    return { items, seeds, seedDeviation, detectable, found };
  });
}
