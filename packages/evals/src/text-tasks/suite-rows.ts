import { EvalsError } from '../errors.ts';
import { groupBy } from '../group-by.ts';
import type { EvalRow, TextSuite } from '../types.ts';

/** How many questions a task must have, one of several numbers; absent where none is known. */
export type Sizes = Readonly<Record<string, readonly number[]>>;

/**
 * The rows of a suite's tasks, by task; rows of another suite are left out, rows that name none are taken.
 *
 * @throws EvalsError DUPLICATE_ID where a question occurs twice in a task, WRONG_COUNT where questions are missing
 */
export function suiteRows(
  rows: readonly EvalRow[],
  suite: TextSuite,
  tasks: readonly string[],
  sizes: Sizes,
): Map<string, EvalRow[]> {
  const own = rows.filter((row) => (row.suite ?? suite) === suite && tasks.includes(row.task));
  const byTask = groupBy(own, ({ task }) => task);
  for (const [task, all] of byTask) {
    const [twice] = [...groupBy(all, ({ id }) => id).values()].find(({ length }) => length > 1) ?? [];
    if (twice)
      throw new EvalsError(
        'DUPLICATE_ID',
        `${task} of ${suite}: expected one row a question, got several of "${twice.id}"; score one model and one suite at a time.`,
      );
    if (sizes[task] && !sizes[task].includes(all.length))
      throw new EvalsError(
        'WRONG_COUNT',
        `${task} of ${suite}: expected rows of ${sizes[task].join(' or ')} questions, got ${all.length}; was the whole set asked? For a part of it: checkCounts: false.`,
      );
  }
  return byTask;
}
