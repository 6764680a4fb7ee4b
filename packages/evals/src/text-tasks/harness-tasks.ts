/**
 * The nine tasks of the paper's Text Stable Score as lm-evaluation-harness asks them without examples, from the files that the data
 * sets publish (and their copies on the Hugging Face hub as JSON lines). `acc` counts: the sum of ln p decides.
 */
import { EvalsError } from '../errors.ts';
import { pythonStrip } from '../scoring/python-text.ts';
import { type StableScore, stableScore, textStableTasks } from '../scoring/stable-score.ts';
import type { EvalRow, TextItem } from '../types.ts';
import { index, string, strings, type TextRecord, textRecords } from './records.ts';
import { type Sizes, suiteRows } from './suite-rows.ts';

type Asked = Pick<TextItem, 'context' | 'choices' | 'answer'>;

/** Choices without the space that the harness puts before each. */
const readers: Readonly<Record<string, (record: TextRecord, where: string) => Asked>> = {
  agieval_sat_en: (record, where) => {
    if (typeof record['query'] === 'string')
      return {
        context: record['query'],
        choices: strings(record, 'choices', where),
        answer: index(record, ['gold'], where),
      };
    throw new EvalsError('BROKEN_FILE', `${where}: expected "query", "choices" and "gold" (hails/agieval-sat-en).`);
  },
  arc_easy: (record, where) => {
    const isHub = typeof record['question'] === 'string';
    const question = isHub ? string(record, 'question', where) : string(record['question'], 'stem', where);
    const { texts, labels } = isHub
      ? { texts: strings(record['choices'], 'text', where), labels: strings(record['choices'], 'label', where) }
      : arcChoices(record, where);
    const answer = labels.indexOf(string(record, 'answerKey', where));
    return { context: `Question: ${question}\nAnswer:`, choices: texts, answer };
  },
  bigbench_conceptual_combinations_multiple_choice: (record, where) => {
    const scores = record['multiple_choice_scores'];
    return {
      context: string(record, 'inputs', where),
      choices: strings(record, 'multiple_choice_targets', where),
      answer: Array.isArray(scores) ? scores.indexOf(1) : -1,
    };
  },
  boolq: (record, where) => ({
    context: `${string(record, 'passage', where)}\nQuestion: ${string(record, 'question', where)}?\nAnswer:`,
    choices: ['no', 'yes'],
    answer: index(record, ['label', 'answer'], where),
  }),
  copa: (record, where) => {
    const connector = string(record, 'question', where) === 'cause' ? 'because' : 'therefore';
    const choices = ['choice1', 'choice2'].map((name) => string(record, name, where));
    return {
      // The full stop goes.
      context: `${pythonStrip(string(record, 'premise', where)).slice(0, -1)} ${connector}`,
      // The harness brings a space of its own here, so that the continuation begins with two.
      choices: choices.map((choice) => ` ${choice.charAt(0).toLowerCase()}${choice.slice(1)}`),
      answer: index(record, ['label'], where),
    };
  },
  hellaswag: (record, where) => {
    const [activity, a, b] = ['activity_label', 'ctx_a', 'ctx_b'].map((name) => string(record, name, where));
    return {
      context: wikiHowText(`${activity}: ${a} ${capitalize(b!)}`),
      choices: strings(record, 'endings', where).map(wikiHowText),
      answer: index(record, ['label'], where),
    };
  },
  mathqa: (record, where) => {
    const options = string(record, 'options', where).match(/[abcd] \) .*?, |e \) .*?$/gm) ?? [];
    return {
      context: `Question: ${string(record, 'Problem', where)}\nAnswer:`,
      choices: options.map((option) => option.slice(4).replace(/[ ,]+$/, '')),
      answer: 'abcde'.indexOf(string(record, 'correct', where)),
    };
  },
  piqa: (record, where) => ({
    context: `Question: ${string(record, 'goal', where)}\nAnswer:`,
    choices: ['sol1', 'sol2'].map((name) => string(record, name, where)),
    answer: index(record, ['label'], where),
  }),
  pubmedqa: (record, where) => {
    const isHub = 'question' in record;
    const contexts = isHub ? strings(record['context'], 'contexts', where) : strings(record, 'CONTEXTS', where);
    const question = string(record, isHub ? 'question' : 'QUESTION', where);
    return {
      context: `Abstract: ${contexts.join('\n')}\nQuestion: ${question}\nAnswer:`,
      choices: ['yes', 'no', 'maybe'],
      answer: ['yes', 'no', 'maybe'].indexOf(string(record, 'final_decision', where)),
    };
  },
};

/**
 * Questions in the published sets that the harness asks. PubMedQA's labelled set is asked whole or in part, by the harness' version; of
 * BIG-bench's conceptual combinations no number is known here.
 */
const sizes: Sizes = {
  agieval_sat_en: [206],
  arc_easy: [2376],
  boolq: [3270],
  copa: [100],
  hellaswag: [10_042],
  mathqa: [2985],
  piqa: [1838],
  pubmedqa: [500, 1000],
};

/** The names of the tasks, as lm-evaluation-harness has them. */
export const harnessTasks: readonly string[] = Object.keys(readers);

/**
 * Reads one of the nine tasks.
 *
 * @param text JSON lines or one JSON list; PIQA's and PubMedQA's labels, which are published apart, joined to their records as `label` and
 *   `final_decision`
 * @param options.checkCounts whether there must be as many questions as were published. Default true: a cut file is an error, not a smaller
 *   denominator
 * @returns items for `runMultipleChoice`, whose `score` is then the harness' `acc`
 * @throws EvalsError BROKEN_FILE, WRONG_COUNT, INVALID_OPTION for a name that is none
 * @example const items = readHarnessTask('arc_easy', await readFile('ARC-Easy-Test.jsonl', 'utf8'));
 */
export function readHarnessTask(name: string, text: string, options: { checkCounts?: boolean } = {}): TextItem[] {
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (!read)
    throw new EvalsError(
      'INVALID_OPTION',
      `Text task: expected one of ${harnessTasks.join(', ')}, got ${JSON.stringify(name)}.`,
    );
  const records = textRecords(text, name);
  const expected = sizes[name];
  if ((options.checkCounts ?? true) && expected && !expected.includes(records.length))
    throw new EvalsError(
      'WRONG_COUNT',
      `${name}: expected ${expected.join(' or ')} questions, got ${records.length}; is the file whole, and of the split that the harness asks? For a set of one's own: checkCounts: false.`,
    );
  return records.map((record, i) => {
    const where = `${name}, record ${i + 1}`;
    const { context, choices, answer } = read(record, where);
    if (choices.length < 2 || choices[answer] === undefined)
      throw new EvalsError(
        'BROKEN_FILE',
        `${where}: expected at least two choices and the right one, got ${JSON.stringify(choices)} and ${answer}.`,
      );
    const asked = { context, choices: choices.map((choice) => ` ${choice}`), answer };
    return { id: `${name}-${i}`, task: name, suite: 'lm-evaluation-harness', ...asked };
  });
}

/**
 * Records for `runMultipleChoice` from JSON lines of one's own: `context` (or `query`, `question`), `choices`, and `answer` (or `gold`,
 * `label`): the number of the right one.
 *
 * @param delimiter stands between context and choice. Default one space
 * @throws EvalsError BROKEN_FILE
 */
export function readMultipleChoice(task: string, text: string, delimiter = ' '): TextItem[] {
  return textRecords(text, task).map((record, i) => {
    const where = `${task}, record ${i + 1}`;
    const name =
      ['context', 'query', 'question'].find((candidate) => typeof record[candidate] === 'string') ?? 'context';
    const choices = strings(record, 'choices', where).map((choice) => `${delimiter}${choice}`);
    return {
      id: `${task}-${i}`,
      task,
      context: string(record, name, where),
      choices,
      answer: index(record, ['answer', 'gold', 'label'], where),
    };
  });
}

/**
 * The paper's Text Stable Score from rows of the nine tasks of `readHarnessTask`; rows of CORE, which has five of the names too, do not count.
 * @param options.checkCounts whether tasks must have as many rows as questions were published. Default true
 * @returns no score, but the list of what is missing, where it is incomplete
 * @throws EvalsError INVALID_ITEM for a row without `scores.acc`, DUPLICATE_ID, WRONG_COUNT
 */
export function textStableScore(rows: readonly EvalRow[], options: { checkCounts?: boolean } = {}): StableScore {
  const tasks = textStableTasks.map(({ task }) => task);
  const byTask = suiteRows(rows, 'lm-evaluation-harness', tasks, (options.checkCounts ?? true) ? sizes : {});
  const accuracies = [...byTask].map(([task, own]) => [
    task,
    own.reduce((sum, row) => sum + accOf(row), 0) / own.length,
  ]);
  return stableScore(Object.fromEntries(accuracies), textStableTasks);
}

function accOf({ id, task, scores }: EvalRow): number {
  const acc = scores?.['acc'];
  if (acc === undefined)
    throw new EvalsError(
      'INVALID_ITEM',
      `Text Stable Score: expected scores.acc in every row, got none in "${id}" of ${task}; hand over rows of runMultipleChoice.`,
    );
  return acc;
}

function arcChoices(record: TextRecord, where: string): { texts: string[]; labels: string[] } {
  const choices = (record['question'] as TextRecord)['choices'];
  if (!Array.isArray(choices))
    throw new EvalsError('BROKEN_FILE', `${where}: expected "question.choices" to be a list.`);
  return {
    texts: choices.map((choice) => string(choice, 'text', where)),
    labels: choices.map((choice) => string(choice, 'label', where)),
  };
}

/** Titles and brackets are left over from the pages of WikiHow. */
function wikiHowText(text: string): string {
  return pythonStrip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[.*?\]/g, '')
    .replaceAll('  ', ' ');
}

/** Python's: the first letter large, all others small. */
function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();
}
