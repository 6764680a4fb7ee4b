import { hasMainRun } from '../graph.ts';
import { evaluatedSeeds, scoreOf, textModelOf, timingArms, trainedArms } from './arms-of-study.ts';
import { isTold } from './compare-arms.ts';
import { grouped, percent } from './format-numbers.ts';
import { type Measure, signedDifference, textMeasure, visionMeasure } from './measures.ts';
import type { Comparison, ScoreRow, StudyResults } from './results.ts';

/** The comparison that the question is about: the late integrated arm against the two-phase arm. */
export function headlineComparison(results: StudyResults, measure: Measure = visionMeasure): Comparison | undefined {
  return results.comparisons.find((row) => row.family === 'headline' && row.measure === measure.name);
}

/**
 * The answer in two sentences: the branch point that the paper recommends against two phases, then all branch points and the text. With one seed a
 * third says what the intervals leave out.
 */
export function answerSentences(results: StudyResults): string[] {
  const vision = headlineComparison(results);
  if (!vision && results.missing.length > 0)
    return ['The arms that answer the question, an earlier one and the one at 100 %, are not both evaluated yet.'];
  if (!vision)
    return ['This study has no integrated arm beside a two-phase arm at 100 %, so it does not answer the question.'];
  return [
    visionSentence(results, vision),
    ...branchAndTextSentence(results),
    ...(evaluatedSeeds(results) === 1 ? [oneSeedSentence] : []),
  ];
}

const oneSeedSentence =
  'With one seed these intervals vary the items alone; how far apart two seeds would be, they do not know.';

function visionSentence(results: StudyResults, row: Comparison): string {
  const point = percent(timingArms(results).find(({ id }) => id === row.a)!.arm.branchPoint);
  const evidence = (bounds: Pick<Comparison, 'low' | 'high'>): string =>
    `95 % interval ${interval(visionMeasure, bounds)} over ${seedsAndItems(row)}`;
  if (isTold(row)) {
    const [winner, loser] = row.difference > 0 ? [`at ${point} of`, 'after'] : ['after', `at ${point} of`];
    const lead = row.difference > 0 ? row : { low: -row.high, high: -row.low };
    return `Here a model that first saw images ${winner} the text run scored ${unsigned(row)} points more on vision than one that saw them ${loser} it (${evidence(lead)}).`;
  }
  return `Whether images enter at ${point} of the text run or after its end cannot be told apart by the vision score here: ${signedDifference(visionMeasure, row.difference)} points, ${evidence(row)}; a true difference would have had to be about ${(visionMeasure.scale * row.smallestShown).toFixed(1)} points to be found in four studies of five.`;
}

function branchAndTextSentence(results: StudyResults): string[] {
  const parts = [branchPointSentence(results), textSentence(results)].filter((part) => part !== '');
  if (parts.length === 0) return [];
  const sentence = `${parts.join('; ')}.`;
  return [`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`];
}

function branchPointSentence(results: StudyResults): string {
  const families = hasMainRun(results.recipe) ? ['timing', 'recipe'] : ['from-public'];
  const line = timingArms(results).map(({ id }) => id);
  const rows = results.comparisons.filter(
    ({ family, measure, a }) => families.includes(family) && measure === visionMeasure.name && line.includes(a),
  );
  if (rows.length === 0) return '';
  const told = rows.filter(isTold);
  const others = rows.length > 1 ? `Of ${rows.length} earlier branch points` : 'Of the one earlier branch point';
  if (told.length === 0)
    return `${others} none differs from 100 % by more than chance allows, corrected for their number`;
  const list = told.map(
    (row) => `${row.a} (${signedDifference(visionMeasure, row.difference)} points ${interval(visionMeasure, row)})`,
  );
  return `${others}, corrected for their number, ${list.join(', ')} ${told.length > 1 ? 'differ' : 'differs'} from 100 %`;
}

function textSentence(results: StudyResults): string {
  const row = headlineComparison(results, textMeasure);
  if (!row) return '';
  const difference = `${signedDifference(textMeasure, row.difference)} bits per byte ${interval(textMeasure, row)}`;
  return isTold(row)
    ? `on held-out text ${row.verdict} (${row.a} less ${row.b}: ${difference}, lower is better)`
    : `on held-out text ${row.a} and ${row.b} cannot be told apart (${difference})`;
}

/** What else has to be known to read the answer: whether the models see at all, and what became of their text. */
export function contextSentences(results: StudyResults): string[] {
  return [...sightSentences(results), ...existenceSentences(results), ...untouchedSentences(results)];
}

function sightSentences(results: StudyResults): string[] {
  const open = (condition: ScoreRow['condition']) =>
    trainedArms(results).map((arm) => scoreOf(arm, { task: 'open-vqa', condition }));
  const [seen, none, wrong] = [open('image'), open('no-image'), open('wrong-image')];
  const blind = [...none, ...wrong].filter((row) => row !== undefined);
  if (seen.length === 0 || seen.some((row) => !row) || blind.length === 0) return [];
  const clear = seen.filter((row, i) => [none[i], wrong[i]].every((other) => !other || row!.low > other.high)).length;
  const who = clear === seen.length ? 'Every arm sees' : `${clear} of ${seen.length} arms see`;
  const range = (rows: readonly (ScoreRow | undefined)[]): string => rangeOf(rows.map((row) => row!.value));
  return [
    `${who}: on open questions about new scenes they score ${range(seen)} with the picture, and ${range(blind)} without it or with another item’s${clear === seen.length ? ', intervals apart in every arm' : ''}.`,
  ];
}

function existenceSentences(results: StudyResults): string[] {
  const rows = trainedArms(results).flatMap((arm) => scoreOf(arm, { task: 'existence', condition: 'image' }) ?? []);
  if (rows.length === 0) return [];
  const above = rows.filter((row) => row.low > 0.5).length;
  const range = rangeOf(rows.map((row) => row.value));
  return above === rows.length
    ? [`Questions about whether something is there: ${range}, above chance (50 %) in every arm.`]
    : [
        `Questions about whether something is there: ${range}; ${above} of ${rows.length} arms stand clear of chance (50 %).`,
      ];
}

function untouchedSentences(results: StudyResults): string[] {
  const untouched = textModelOf(results);
  const before = untouched && scoreOf(untouched, { task: 'bits-per-byte', condition: 'text' });
  const after = trainedArms(results).flatMap(
    (arm) => scoreOf(arm, { task: 'bits-per-byte', condition: 'text' })?.value ?? [],
  );
  if (!before || after.length === 0) return [];
  return [
    `Held-out text: ${before.value.toFixed(3)} bits per byte for the text model that never saw an image, ${Math.min(...after).toFixed(3)} to ${Math.max(...after).toFixed(3)} after images and fine-tuning.`,
  ];
}

const rangeOf = (values: readonly number[]): string =>
  `${(100 * Math.min(...values)).toFixed(1)} to ${(100 * Math.max(...values)).toFixed(1)} %`;

const unsigned = ({ difference }: Comparison): string => (visionMeasure.scale * Math.abs(difference)).toFixed(1);

/** `[−0.3, +2.7]` */
export function interval(measure: Measure, { low, high }: Pick<Comparison, 'low' | 'high'>): string {
  return `[${signedDifference(measure, low)}, ${signedDifference(measure, high)}]`;
}

export function seedsAndItems({ seeds, items }: Comparison): string {
  return `${seeds === 1 ? 'one seed' : `${seeds} seeds`} and ${grouped(items)} items`;
}
