import {
  bootstrapMean,
  type EvalModel,
  type EvalRow,
  guessingModel,
  oracleModel,
  runMultipleChoice,
  runVision,
  type TextItem,
  type VisionItem,
  visionTask,
} from '@vlm/evals';
import { defaultCorpusItems } from './default-corpus.ts';
import { markdownTable } from './markdown-table.ts';

interface TaskRow {
  task: string;
  twin: string;
  items: number;
  /** Mean scores. */
  oracle: number;
  /** Over all rounds. */
  guess: number;
  /** 99.9 % interval of the guess. */
  low: number;
  high: number;
  chance: number;
  majority?: number;
}

const rounds = 10;

/**
 * `npm run bench -- tasks`: every task of the default corpus, asked of a model that reads the truth (which must score 1) and of one that
 * guesses (which must score chance).
 *
 * @param options.corpus the folder of a corpus; default: one is built for the purpose
 */
export async function knownModelsBenchmark(options: { corpus?: string; json?: boolean }): Promise<void> {
  const items = await defaultCorpusItems(options.corpus);
  const rows: TaskRow[] = [];
  for (const [task, own] of Object.entries(items.vision))
    rows.push(await taskRow(task, visionTask(task, own[0]!.target.kind).twin ?? '–', own, askVision));
  for (const [task, own] of Object.entries(items.text)) rows.push(await taskRow(task, '–', own, askText));
  const figure = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(3));
  console.log(
    markdownTable(
      ['task', 'twin', 'items', 'oracle', 'guess', '99.9 % interval', 'chance', 'majority'],
      rows.map(({ task, twin, items: n, oracle, guess, low, high, chance, majority }) => [
        task,
        twin,
        `${n}`,
        figure(oracle),
        figure(guess),
        `${figure(low)} to ${figure(high)}`,
        figure(chance),
        figure(majority),
      ]),
    ),
  );
  const odd = rows.filter(({ oracle, low, high, chance }) => oracle !== 1 || chance < low || chance > high);
  console.log(
    odd.length === 0
      ? `\nThe oracle scores 1 and the guess chance on all ${rows.length} tasks (${rounds} rounds of guesses).`
      : `\nNot as it should be: ${odd.map(({ task }) => task).join(', ')}.`,
  );
  if (options.json) console.log(JSON.stringify(rows));
  if (odd.length > 0) process.exitCode = 1;
}

type Ask<Item> = (model: EvalModel<string>, items: readonly Item[]) => Promise<EvalRow[]>;

const askVision: Ask<VisionItem> = (model, items) =>
  runVision(model, items, { image: ({ id }) => id, conditions: ['image'] });
const askText: Ask<TextItem> = (model, items) => runMultipleChoice(model, items);

async function taskRow<Item extends VisionItem | TextItem>(
  task: string,
  twin: string,
  items: readonly Item[],
  ask: Ask<Item>,
): Promise<TaskRow> {
  const mean = (rows: readonly EvalRow[], of: (row: EvalRow) => number): number =>
    rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const asked = await ask(oracleModel(items), items);
  const own = asked.filter(({ condition }) => condition !== 'majority');
  const constant = asked.filter(({ condition }) => condition === 'majority');
  const guesses: EvalRow[] = [];
  for (let seed = 0; seed < rounds; seed++) {
    const rows = await ask(guessingModel(items, { seed }), items);
    guesses.push(...rows.filter(({ condition }) => condition !== 'majority'));
  }
  const { estimate, low, high } = bootstrapMean(
    guesses.map(({ score }) => score),
    { seed: task, confidence: 0.999 },
  );
  return {
    task,
    twin,
    items: items.length,
    oracle: mean(own, ({ score }) => score),
    guess: estimate,
    low,
    high,
    chance: mean(own, ({ chance }) => chance!),
    ...(constant.length > 0 ? { majority: mean(constant, ({ score }) => score) } : {}),
  };
}
