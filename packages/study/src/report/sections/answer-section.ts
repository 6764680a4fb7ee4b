import {
  answerSentences,
  contextSentences,
  furtherSentences,
  headlineComparison,
  seenOf,
  taskSentences,
  tasksOfHeadline,
} from '../answer.ts';
import { controlSentences } from '../controls.ts';
import { type Block, type Figure, paragraph, type Section } from '../document.ts';
import { sixTaskMeasure } from '../measures.ts';
import { paperNumbers } from '../paper-numbers.ts';
import type { Comparison, StudyResults } from '../results.ts';
import { comparisonTable, taskTable } from './comparison-table.ts';
import { paperTable } from './paper-table.ts';

/** The first page: the answer, whether something else explains it, the figure, and what the paper says. */
export function answerSection(results: StudyResults, headline: Figure): Section {
  const { finding, tables } = paperNumbers.timing!;
  const further = furtherSentences(results);
  const unfinished =
    results.missing.length === 0
      ? []
      : [
          paragraph(
            `This report is of an unfinished study: ${results.missing.length} of ${results.missing.length + results.phases.length} phases are missing, and everything below is of the others.`,
          ),
        ];
  return {
    id: 'answer',
    title: 'The answer',
    blocks: [
      ...unfinished,
      { kind: 'paragraph', isLead: true, text: answerSentences(results).join(' ') },
      ...(further.length > 0 ? [paragraph(further.join(' '))] : []),
      { kind: 'figure', figure: headline },
      paragraph(
        `The paper: ${finding} Other data and sizes, so the order of arms can be compared and the values cannot.`,
      ),
      ...tables.map(paperTable),
    ],
    sections: [
      ...taskSection(results),
      { id: 'controls', title: 'Is it the images?', blocks: controlBlocks(results) },
      { id: 'context', title: 'What else to know', blocks: [{ kind: 'list', items: contextSentences(results) }] },
    ],
  };
}

/** Whether the answer is that of one task, or of the tasks that were chosen. */
function taskSection(results: StudyResults): Section[] {
  const tasks = tasksOfHeadline(results);
  if (tasks.length < 2) return [];
  const [{ a, b }] = tasks as [Comparison];
  const means = [headlineComparison(results), headlineComparison(results, sixTaskMeasure)];
  return [
    {
      id: 'by-task',
      title: 'Does it hold by task?',
      blocks: [
        { kind: 'list', items: taskSentences(results) },
        taskTable(
          `${a} less ${b} on new scenes, in points: the two means, then task by task, with seeds × items. Seen is what goes when the picture is another item’s. Verdicts and p of the tasks are corrected for their number (Holm), intervals are not`,
          [...means.filter((row) => row !== undefined), ...tasks].map((row) => ({ row, seen: seenOf(results, row) })),
        ),
      ],
    },
  ];
}

function controlBlocks(results: StudyResults): Block[] {
  const sentences = controlSentences(headlineComparison(results), results.controls);
  if (sentences.length === 0) {
    return [
      paragraph(
        'Not asked here: without the sweeps “schedule” and “budget” nothing tells the branch point from the learning rate and the number of images that come with it.',
      ),
    ];
  }
  return [
    { kind: 'list', items: sentences },
    comparisonTable(
      'Controls: each contrast holds one thing fixed. Verdicts and p are corrected for the contrasts of one question and measure (Holm), intervals are not',
      results.controls,
    ),
  ];
}
