/**
 * The paper's two aggregate scores: the mean over a fixed list of tasks of (accuracy − chance), not divided by (1 − chance). Where the
 * authors' scripts average over whatever is present, an incomplete list gets no score here, because it could not be compared.
 */
import { EvalsError } from '../errors.ts';

export interface StableTask {
  task: string;
  /** Subtracted from the accuracy. */
  chance: number;
  /** The accuracy's scale: 1, or 100 for percent. */
  scale: 1 | 100;
}

/** The paper's vision tasks, all in full size. VizWiz does not count. */
export const visionStableTasks: readonly StableTask[] = [
  { task: 'pope', chance: 0.5, scale: 1 },
  { task: 'ocid-ref', chance: 0, scale: 1 },
  { task: 'refcoco', chance: 0, scale: 1 },
  { task: 'text-vqa', chance: 0, scale: 1 },
  { task: 'gqa', chance: 0.25, scale: 100 },
  { task: 'vqa-v2', chance: 0.25, scale: 100 },
];

/** The paper's text tasks: lm-evaluation-harness, `acc`, no examples in the prompt. */
export const textStableTasks: readonly StableTask[] = [
  { task: 'agieval_sat_en', chance: 0.2, scale: 1 },
  { task: 'arc_easy', chance: 0.25, scale: 1 },
  { task: 'bigbench_conceptual_combinations_multiple_choice', chance: 0.25, scale: 1 },
  { task: 'boolq', chance: 0.5, scale: 1 },
  { task: 'copa', chance: 0.5, scale: 1 },
  { task: 'hellaswag', chance: 0.25, scale: 1 },
  { task: 'mathqa', chance: 0.2, scale: 1 },
  { task: 'piqa', chance: 0.5, scale: 1 },
  { task: 'pubmedqa', chance: 0.333, scale: 1 },
];

export interface StableScore {
  /** Absent where tasks are missing. */
  score?: number;
  missing: string[];
  /** Accuracy less chance, of the tasks that are present. */
  perTask: Record<string, number>;
  /** Their mean: what the authors' scripts call the score. Absent without tasks. */
  meanOfPresent?: number;
}

/**
 * @param accuracies by task name; on the scale that the task list says. Other names are ignored, null and undefined are missing.
 * @param tasks the paper's lists, or one's own
 * @throws EvalsError INVALID_ITEM for an accuracy out of range
 * @example stableScore({ pope: 0.87, gqa: 61.1 }, visionStableTasks).missing // ['ocid-ref', 'refcoco', 'text-vqa', 'vqa-v2']
 */
export function stableScore(
  accuracies: Readonly<Record<string, number | null | undefined>>,
  tasks: readonly StableTask[],
): StableScore {
  const perTask: Record<string, number> = {};
  const missing: string[] = [];
  for (const { task, chance, scale } of tasks) {
    const accuracy = Object.hasOwn(accuracies, task) ? accuracies[task] : undefined;
    if (accuracy === undefined || accuracy === null) {
      missing.push(task);
      continue;
    }
    if (!(accuracy >= 0 && accuracy <= scale))
      throw new EvalsError(
        'INVALID_ITEM',
        `Stable score: expected the accuracy of ${task} from 0 to ${scale}, got ${accuracy}${scale === 100 ? '' : '; is it in percent?'}.`,
      );
    perTask[task] = accuracy / scale - chance;
  }
  const values = Object.values(perTask);
  if (values.length === 0) return { missing, perTask };
  const meanOfPresent = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { ...(missing.length === 0 ? { score: meanOfPresent } : {}), missing, perTask, meanOfPresent };
}
