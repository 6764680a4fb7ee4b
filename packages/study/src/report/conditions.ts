import type { LegendEntry } from './document.ts';
import { ink } from './palette.ts';
import type { Condition } from './results.ts';

/** What an answer was based on, in words, with the colour and dash that it has in every figure. */
export const conditionLegend: Readonly<Record<Condition, LegendEntry>> = {
  image: { label: 'its own picture', colour: ink('blue') },
  'no-image': { label: 'no picture', colour: ink('red'), dash: [6, 3] },
  'wrong-image': { label: 'another item’s picture', colour: ink('amber'), dash: [2, 2] },
  majority: { label: 'majority answer', colour: ink('slate'), dash: [8, 3, 2, 3] },
  chance: { label: 'chance', colour: ink('axis'), dash: [1, 3] },
  text: { label: 'text alone', colour: ink('blue') },
};

export const visionConditions = ['image', 'no-image', 'wrong-image', 'majority', 'chance'] as const;

/** The order in which tasks are shown: the score that sums them up, then what was asked. */
const taskOrder = [
  'vision score',
  'six-task score',
  'open-vqa',
  'relations',
  'reading',
  'existence',
  'counting',
  'grounding',
  'cluttered-grounding',
  'captioning',
];

/** Task names, those of the default corpus first and in the order in which a reader wants them. */
export function inTaskOrder(tasks: Iterable<string>): string[] {
  const rank = (task: string): number => (taskOrder.indexOf(task) < 0 ? taskOrder.length : taskOrder.indexOf(task));
  return [...new Set(tasks)].sort((a, b) => rank(a) - rank(b));
}
