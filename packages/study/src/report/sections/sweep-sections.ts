import { sweeps } from '../../sweeps/index.ts';
import type { SweepName } from '../../sweeps/names.ts';
import { estimateCaption, scoreOf, type TrainedArm } from '../arms-of-study.ts';
import { isTold } from '../compare-arms.ts';
import { type Block, type Cell, type Figure, paragraph, type Section, type TableBlock } from '../document.ts';
import { estimateCell } from '../format-numbers.ts';
import { measures, signedDifference, visionMeasure } from '../measures.ts';
import { paperNumbers } from '../paper-numbers.ts';
import type { ArmScore, Comparison, StudyResults } from '../results.ts';
import { visionScoreTask } from '../score-rows.ts';
import { armsOfSweep } from '../sweep-figure.ts';
import { comparisonTable } from './comparison-table.ts';
import { paperTable } from './paper-table.ts';

const columns: readonly { head: string; of(arm: TrainedArm): ArmScore | undefined }[] = [
  { head: 'vision score', of: (arm) => scoreOf(arm, { task: visionScoreTask, condition: 'image' }) },
  { head: 'without the picture', of: (arm) => scoreOf(arm, { task: visionScoreTask, condition: 'no-image' }) },
  { head: 'another item’s picture', of: (arm) => scoreOf(arm, { task: visionScoreTask, condition: 'wrong-image' }) },
  { head: 'majority answer', of: (arm) => scoreOf(arm, { task: visionScoreTask, condition: 'majority' }) },
  { head: 'open questions, %', of: (arm) => scoreOf(arm, { task: 'open-vqa', condition: 'image' }) },
  { head: 'bits per byte', of: (arm) => scoreOf(arm, { task: 'bits-per-byte', condition: 'text' }) },
];

/** One section for each sweep: its question, the answer in words, its figure, its arms with baselines, and the paper's numbers. */
export function sweepSections(results: StudyResults, figures: ReadonlyMap<SweepName, Figure>): Section[] {
  return (results.recipe.sweeps ?? []).map((name) => sweepSection(results, name, figures.get(name)));
}

function sweepSection(results: StudyResults, name: SweepName, figure: Figure | undefined): Section {
  const { question, answers, fixed } = sweeps[name];
  const paper = paperNumbers[name];
  const comparisons = results.comparisons.filter(({ family }) => family === name);
  const [answer = 'Not evaluated yet.', ...further] = sweepAnswers(comparisons);
  const blocks: Block[] = [
    paragraph(`In the paper: ${answers}. Held fixed: ${fixed}.`),
    { kind: 'paragraph', isLead: true, text: answer },
    ...(further.length > 0 ? [{ kind: 'list', items: further } as const] : []),
    ...(figure ? [{ kind: 'figure', figure } as const] : []),
    ...(paper ? [paragraph(`The paper: ${paper.finding}`)] : []),
    // The first page has those of the branch points.
    ...(name === 'timing' ? [] : (paper?.tables ?? [])).map(paperTable),
    {
      kind: 'details',
      summary: 'Arms with baselines, intervals and seeds; comparisons with power',
      blocks: [
        armTable(results, name),
        comparisonTable(
          `Comparisons of the sweep “${name}”, verdicts and p corrected for their number (Holm), intervals not`,
          comparisons,
        ),
      ],
    },
  ];
  return { id: `sweep-${name}`, title: `${name}: ${question}`, blocks };
}

/** Differences that a sentence lists; the table has them all. */
const mostListed = 6;

/** What the comparisons of a sweep say, a sentence for each measure. */
function sweepAnswers(comparisons: readonly Comparison[]): string[] {
  return measures.flatMap((measure) => {
    const rows = comparisons.filter((row) => row.measure === measure.name);
    if (rows.length === 0) return [];
    const told = rows.filter(isTold).toSorted((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
    if (told.length === 0) {
      const smallest = Math.max(...rows.map(({ smallestShown }) => smallestShown));
      const power =
        measure === visionMeasure
          ? ` (differences below about ${(measure.scale * smallest).toFixed(measure.digits)} ${measure.unit} would have been missed)`
          : '';
      return [`By the ${measure.name}, no arm can be told from the one it is compared with${power}.`];
    }
    const show = (value: number): string => signedDifference(measure, value);
    const list = told
      .slice(0, mostListed)
      .map((row) => `${row.a} less ${row.b} ${show(row.difference)} [${show(row.low)}, ${show(row.high)}]`);
    const which = told.length > mostListed ? `, the ${mostListed} largest` : '';
    return [
      `By the ${measure.name}, ${told.length} of ${rows.length} comparisons are told apart${which}: ${list.join('; ')}.`,
    ];
  });
}

function armTable(results: StudyResults, name: SweepName): TableBlock {
  return {
    kind: 'table',
    caption: `Arms of the sweep “${name}”: ${estimateCaption(results)}`,
    head: ['arm', ...columns.map(({ head }) => head)],
    rows: armsOfSweep(results, name).map((arm): Cell[] => [arm.id, ...columns.map(({ of }) => estimateCell(of(arm)))]),
  };
}
