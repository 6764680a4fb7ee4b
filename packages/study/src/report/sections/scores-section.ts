import { estimateCaption, isMainMetric, scoreOf, trainedArms } from '../arms-of-study.ts';
import { conditionLegend, inTaskOrder, visionConditions } from '../conditions.ts';
import type { Block, Cell, Figure, Section } from '../document.ts';
import { estimateCell, formatOf, grouped } from '../format-numbers.ts';
import type { ScoreRow, StudyResults } from '../results.ts';

/** Figures over the branch point, and one folded table for every task, split and metric with all arms and all baselines. */
export function scoresSection(results: StudyResults, figures: readonly Figure[]): Section {
  return {
    id: 'scores',
    title: 'Every task, every arm',
    blocks: [
      ...figures.map((figure): Block => ({ kind: 'figure', figure })),
      ...visionTables(results),
      textTable(results),
    ],
  };
}

function visionTables(results: StudyResults): Block[] {
  const arms = trainedArms(results);
  const rows = arms.flatMap(({ scores }) => scores.filter((row) => row.suite === 'vision' && isShown(row)));
  return inTaskOrder(rows.map(({ task }) => task)).flatMap((task) => {
    const own = rows.filter((row) => row.task === task);
    const keys = [...new Set(own.map(({ split, metric }) => `${split}\t${metric}`))];
    return keys.map((key): Block => {
      const [split, metric] = key.split('\t') as [string, string];
      const those = own.filter((row) => row.split === split && row.metric === metric);
      const conditions = visionConditions.filter((condition) => those.some((row) => row.condition === condition));
      const title = `${task}, ${split}, ${metric}`;
      return {
        kind: 'details',
        summary: `${title} (${grouped(those[0]!.n)} items)`,
        blocks: [
          {
            kind: 'table',
            caption: `${title}: ${grouped(those[0]!.n)} items, ${estimateCaption(results)}`,
            head: ['arm', ...conditions.map((condition) => conditionLegend[condition].label)],
            rows: arms.map((arm): Cell[] => [
              arm.id,
              ...conditions.map((condition) =>
                estimateCell(scoreOf(arm, { task, split, metric, condition }), formatOf(metric)),
              ),
            ]),
          },
        ],
      };
    });
  });
}

/**
 * A task's main metric, for captions the field's own beside it, and what a model said whatever was right (share of yes, share of its most
 * frequent answer); the rest stands in scores.csv.
 */
function isShown({ type, task, metric, ...row }: ScoreRow): boolean {
  if (type !== 'all') return false;
  if (isMainMetric({ type, task, metric, ...row }) || (task === 'captioning' && metric === 'ciderD')) return true;
  return metric === 'share-of-yes' || metric === 'most-frequent-answer-share';
}

function textTable(results: StudyResults): Block {
  const rows = results.arms.flatMap(({ scores }) =>
    scores.filter((row) => row.suite === 'text' && row.type === 'all' && isMainMetric(row)),
  );
  const tasks = [...new Set(rows.filter(({ condition }) => condition === 'text').map(({ task }) => task))];
  const chance = (task: string): string => {
    const row = rows.find((candidate) => candidate.task === task && candidate.condition === 'chance');
    return row ? (100 * row.value).toFixed(1) : '–';
  };
  return {
    kind: 'details',
    summary: 'Text, with the text model that never saw an image',
    blocks: [
      {
        kind: 'table',
        caption: 'Text: bits per byte of held-out text (lower is better), multiple choice in per cent',
        head: ['model', ...tasks],
        rows: [
          ...results.arms.map((arm): Cell[] => [
            arm.id,
            ...tasks.map((task) => estimateCell(scoreOf(arm, { task, condition: 'text' }))),
          ]),
          ['chance', ...tasks.map(chance)],
        ],
      },
    ],
  };
}
