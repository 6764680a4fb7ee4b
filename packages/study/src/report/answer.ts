import { hasMainRun } from '../graph.ts';
import { evaluatedSeeds, scoreOf, textModelOf, timingArms, trainedArms } from './arms-of-study.ts';
import { isTold, untold } from './compare-arms.ts';
import { grouped, listed, percent } from './format-numbers.ts';
import {
  isSeenPart,
  type Measure,
  seenName,
  signedDifference,
  sixTaskMeasure,
  textMeasure,
  visionMeasure,
} from './measures.ts';
import type { Comparison, ScoreRow, StudyResults } from './results.ts';
import { meanScores, sixTaskScore, visionScoreTask } from './score-rows.ts';

/** The comparison that the question is about: the late integrated arm against the two-phase arm. */
export function headlineComparison(results: StudyResults, measure: Measure = visionMeasure): Comparison | undefined {
  return results.comparisons.find((row) => row.family === 'headline' && row.measure === measure.name);
}

/** The answer: the branch point that the paper recommends against two phases, by the vision score and by the paper's own tasks. */
export function answerSentences(results: StudyResults): string[] {
  const vision = headlineComparison(results);
  if (!vision && results.missing.length > 0)
    return ['The arms that answer the question, an earlier one and the one at 100 %, are not both evaluated yet.'];
  if (!vision)
    return ['This study has no integrated arm beside a two-phase arm at 100 %, so it does not answer the question.'];
  return [visionSentence(results, vision), ...sixTaskSentence(results)];
}

/** What belongs to the answer: all branch points and the text and, with one seed, what the intervals leave out. */
export function furtherSentences(results: StudyResults): string[] {
  if (!headlineComparison(results)) return [];
  const parts = [branchPointSentence(results), textSentence(results)].filter((part) => part !== '');
  const oneSeed =
    'With one seed these intervals vary the items alone; how far apart two seeds would be, they do not know.';
  return [
    ...parts.map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}.`),
    ...(evaluatedSeeds(results) === 1 ? [oneSeed] : []),
  ];
}

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

/** Left out where the two scores are over the same tasks, because no other of the six was asked. */
function sixTaskSentence(results: StudyResults): string[] {
  const row = headlineComparison(results, sixTaskMeasure);
  const vision = headlineComparison(results);
  if (!row || row.items === vision?.items) return [];
  const asked = tasksOfHeadline(results).filter(({ measure }) => meanScores[sixTaskScore]!.includes(measure)).length;
  const seen = seenOf(results, row);
  const part = seen ? `, of which ${differenceText(seen)} is what the item’s own picture gives` : '';
  const verdict = isTold(row) ? row.verdict : `the two ${untold(row)}`;
  return [
    `By the twins of the paper’s own six tasks${asked < 6 ? `, of which ${asked} were asked,` : ''} ${verdict}: ${row.a} less ${row.b} is ${signedDifference(visionMeasure, row.difference)} points ${interval(visionMeasure, row)}${part}.`,
  ];
}

/** The comparison that the question is about, by single tasks. */
export const tasksOfHeadline = ({ byTask }: StudyResults): Comparison[] =>
  byTask.filter(({ measure }) => !isSeenPart(measure));

/** What of a difference comes from looking; undefined where no item was asked with another item's picture. */
export const seenOf = ({ byTask }: StudyResults, { measure }: Comparison): Comparison | undefined =>
  byTask.find((row) => row.measure === seenName(measure));

/** `−2.2 [−4.6, +0.1]` */
const differenceText = (row: Comparison): string =>
  `${signedDifference(visionMeasure, row.difference)} ${interval(visionMeasure, row)}`;

/** Which tasks the answer comes from. */
export function taskSentences(results: StudyResults): string[] {
  const tasks = tasksOfHeadline(results);
  const told = tasks.filter(isTold);
  const show = (row: Comparison): string => {
    const seen = seenOf(results, row);
    return `${row.measure} ${differenceText(row)}${seen ? `, of it seen ${differenceText(seen)}` : ''}`;
  };
  const headline = headlineComparison(results);
  const seen = headline && seenOf(results, headline);
  const inScore = tasks.filter(({ measure }) => meanScores[visionScoreTask]!.includes(measure));
  const largest = inScore.toSorted((a, b) => Math.abs(b.difference) - Math.abs(a.difference))[0];
  const name = (score: string): string => listed(meanScores[score]!);
  return [
    `The vision score is the mean over ${name(visionScoreTask)} of score less chance. The six-task score is the same over ${name(sixTaskScore)}, the twins of VQAv2, GQA, TextVQA, POPE, RefCOCO and OCID-Ref, over which the paper’s goes; captioning is not among them.`,
    told.length > 0
      ? `Told apart by single tasks, corrected for their number: ${told.map(show).join('; ')}.`
      : 'No single task tells the two apart, corrected for their number.',
    ...(seen
      ? [
          `Seen is what goes when the picture is another item’s: of the vision score’s difference, ${differenceText(headline)}, that is ${differenceText(seen)}. The rest is habit that fits the answers better or worse, such as boxes in the usual place.`,
        ]
      : []),
    ...(largest
      ? [
          `The largest part of the vision score’s difference is that of ${told.includes(largest) ? largest.measure : show(largest)}, which counts a ${ordinal(inScore.length)}.`,
        ]
      : []),
  ];
}

const ordinal = (n: number): string => ['whole', 'half', 'third', 'quarter'][n - 1] ?? `${n}th`;

function branchPointSentence(results: StudyResults): string {
  const families = hasMainRun(results.recipe) ? ['timing', 'recipe'] : ['from-public'];
  const line = timingArms(results).map(({ id }) => id);
  const rows = results.comparisons.filter(
    ({ family, measure, a }) => families.includes(family) && measure === visionMeasure.name && line.includes(a),
  );
  const told = rows.filter(isTold);
  const headline = headlineComparison(results);
  const late = rows.find(({ a, b }) => a === headline?.a && b === headline.b);
  // The answer itself has said what there is to say of its own branch point.
  if (rows.every((row) => row === late)) return '';
  const asOne =
    headline && late && isTold(headline) && !isTold(late)
      ? `; the difference of ${late.a}, asked beforehand as the one question, ${untold(late)}`
      : '';
  const others = `Of ${rows.length} earlier branch points`;
  if (told.length === 0)
    return `${others} none differs from 100 % by more than chance allows, corrected for their number${asOne}`;
  const list = told.map(
    (row) => `${row.a} (${signedDifference(visionMeasure, row.difference)} points ${interval(visionMeasure, row)})`,
  );
  return `${others}, corrected for their number, ${list.join(', ')} ${told.length > 1 ? 'differ' : 'differs'} from 100 %${asOne}`;
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
  const arms = (isAbove: (row: ScoreRow, other: ScoreRow) => boolean): number =>
    seen.filter((row, i) => [none[i], wrong[i]].every((other) => !other || isAbove(row!, other))).length;
  const [more, clear] = [arms((row, other) => row.value > other.value), arms((row, other) => row.low > other.high)];
  const who = (count: number): string => (count === seen.length ? 'every arm' : `${count} of ${seen.length} arms`);
  const range = (rows: readonly (ScoreRow | undefined)[]): string => rangeOf(rows.map((row) => row!.value));
  return [
    `Do they see? On open questions about new scenes ${who(more)} scored more with the picture (${range(seen)}) than without it or with another item’s (${range(blind)}); the intervals lie apart in ${who(clear)}.`,
  ];
}

function existenceSentences(results: StudyResults): string[] {
  const rows = trainedArms(results).flatMap((arm) => scoreOf(arm, { task: 'existence', condition: 'image' }) ?? []);
  if (rows.length === 0) return [];
  const above = rows.filter((row) => row.low > 0.5).length;
  const below = rows.filter((row) => row.high < 0.5).length;
  const range = rangeOf(rows.map((row) => row.value));
  if (above === rows.length)
    return [`Questions about whether something is there: ${range}, above chance (50 %) in every arm.`];
  const others = below > 0 ? ` and ${below} below; of twenty such intervals one misses by luck` : '';
  return [
    `Questions about whether something is there: ${range}; by their intervals ${above} of ${rows.length} arms stand above chance (50 %)${others}.`,
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
