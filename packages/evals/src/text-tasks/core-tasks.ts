/**
 * The 22 tasks of DCLM's CORE as its evaluation asks them (dclm `eval/mmlu_and_lowvar.yaml`, llm-foundry): from the JSON lines of its
 * `local_data`, with examples before each question.
 */
import { EvalsError } from '../errors.ts';
import { groupBy } from '../group-by.ts';
import { PythonRandom } from '../python-random.ts';
import { generateTexts, inBatches, scoreContinuations } from '../running/ask.ts';
import { runMultipleChoice } from '../running/run-multiple-choice.ts';
import { type DclmScore, dclmCore } from '../scoring/dclm-core.ts';
import { pythonStrip } from '../scoring/python-text.ts';
import { mean } from '../statistics/bootstrap.ts';
import type { EvalModel, EvalProgress, EvalRow, TextItem, TextSuite } from '../types.ts';
import { fewShotIndices } from './few-shot.ts';
import { index, string, strings, type TextRecord, textRecords } from './records.ts';
import { type Sizes, suiteRows } from './suite-rows.ts';

export interface CoreTask {
  /** Below `local_data`. */
  file: string;
  shots: number;
  /** `choice`: the least perplexity per token; `schema`: the context that makes the continuation likeliest; `language`: greedy decoding must give the continuation. */
  kind: 'choice' | 'schema' | 'language';
  /** Between question and answer. */
  delimiter: ' ' | '\nAnswer: ';
  /** Records name a `category`: examples are of the question's own, and the mean over categories counts (`has_categories`). */
  hasCategories?: true;
}

const task = (
  file: string,
  shots: number,
  kind: CoreTask['kind'],
  delimiter: CoreTask['delimiter'] = ' ',
): CoreTask => ({
  file: `${file}.jsonl`,
  shots,
  kind,
  delimiter,
});
const suite: TextSuite = 'dclm-core';
const ANSWER = '\nAnswer: ';

export const coreTasks: Readonly<Record<string, CoreTask>> = {
  hellaswag_zeroshot: task('language_understanding/hellaswag', 0, 'choice'),
  jeopardy: { ...task('world_knowledge/jeopardy_all', 10, 'language', ANSWER), hasCategories: true },
  bigbench_qa_wikidata: task('world_knowledge/bigbench_qa_wikidata', 10, 'language'),
  arc_easy: task('world_knowledge/arc_easy', 10, 'choice', ANSWER),
  arc_challenge: task('world_knowledge/arc_challenge', 10, 'choice', ANSWER),
  copa: task('commonsense_reasoning/copa', 0, 'choice'),
  commonsense_qa: task('commonsense_reasoning/commonsense_qa', 10, 'choice'),
  piqa: task('commonsense_reasoning/piqa', 10, 'choice', ANSWER),
  openbook_qa: task('commonsense_reasoning/openbook_qa', 0, 'choice'),
  lambada_openai: task('language_understanding/lambada_openai', 0, 'language'),
  hellaswag: task('language_understanding/hellaswag', 10, 'choice'),
  winograd: task('language_understanding/winograd_wsc', 0, 'schema'),
  winogrande: task('language_understanding/winogrande', 0, 'schema'),
  bigbench_dyck_languages: task('symbolic_problem_solving/bigbench_dyck_languages', 10, 'language'),
  agi_eval_lsat_ar: task('symbolic_problem_solving/agi_eval_lsat_ar', 3, 'choice'),
  bigbench_cs_algorithms: task('symbolic_problem_solving/bigbench_cs_algorithms', 10, 'language'),
  bigbench_operators: task('symbolic_problem_solving/bigbench_operators', 10, 'language'),
  bigbench_repeat_copy_logic: task('symbolic_problem_solving/bigbench_repeat_copy_logic', 10, 'language'),
  squad: task('reading_comprehension/squad', 10, 'language'),
  coqa: task('reading_comprehension/coqa', 0, 'language'),
  boolq: task('reading_comprehension/boolq', 10, 'choice', ANSWER),
  bigbench_language_identification: task('language_understanding/bigbench_language_identification', 10, 'choice'),
};

/** Questions, of the tasks of which llm-foundry's description of its `local_data` says how many there are. */
const sizes: Sizes = {
  jeopardy: [2117],
  bigbench_qa_wikidata: [20_321],
  arc_easy: [2376],
  copa: [100],
  commonsense_qa: [1221],
  piqa: [1838],
  openbook_qa: [500],
  bigbench_dyck_languages: [1000],
  bigbench_cs_algorithms: [1320],
  bigbench_operators: [210],
  bigbench_repeat_copy_logic: [32],
  squad: [10_570],
  coqa: [7983],
  boolq: [3270],
};

/** A context that greedy decoding must go on with exactly so. */
export interface LanguageItem {
  id: string;
  task: string;
  /** Its category, where the task has some. */
  type?: string;
  context: string;
  continuation: string;
}

interface Example {
  /** The context of the right answer (`schema`), or the only one. */
  contexts: string[];
  choices: string[];
  gold: number;
}

/**
 * Reads a task and puts its examples before every question.
 *
 * Known difference: llm-foundry tokenises examples and question apart and cuts what is too long from the left, in tokens; here they are one
 * text, and the model decides about its own length. Continuations are compared as texts of as many tokens, for a model tells no tokens:
 * other tokens that spell the same text count as right, which llm-foundry does not let pass.
 *
 * @param seed of the examples. Default 1234, llm-foundry's
 * @throws EvalsError BROKEN_FILE, INVALID_OPTION for a name that is none
 */
export function readCoreTask(name: string, text: string, seed = 1234): TextItem[] | LanguageItem[] {
  const { shots, kind, delimiter, hasCategories } = coreTask(name);
  const records = textRecords(text, name);
  const where = (i: number): string => `${name}, record ${i + 1}`;
  const examples = records.map((record, i) => exampleOf(record, kind, where(i)));
  const types = records.map((record, i) => (hasCategories ? { type: string(record, 'category', where(i)) } : {}));
  const shown = (example: Example): string =>
    `${example.contexts[example.gold] ?? example.contexts[0]!}${delimiter}${example.choices[example.gold]!}`;
  const asked = new Array<string[]>(examples.length);
  for (const places of groupBy(examples.keys(), (i) => types[i]!.type).values()) {
    const random = new PythonRandom(seed); // each category is a set of its own
    places.forEach((place, i) => {
      const before = shots === 0 ? [] : fewShotIndices(places.length, shots, i, random);
      const text = before.map((k) => `${shown(examples[places[k]!]!)}\n`).join('');
      asked[place] = examples[place]!.contexts.map((context) => `${text}${context}${delimiter}`.trimEnd());
    });
  }
  if (kind === 'language')
    return examples.map(({ choices }, i) => ({
      id: `${name}-${i}`,
      task: name,
      ...types[i]!,
      context: asked[i]![0]!,
      continuation: withSpace(choices[0]!),
    }));
  return examples.map(({ choices, gold }, i) => {
    const contexts = asked[i]!;
    const item = {
      id: `${name}-${i}`,
      task: name,
      suite,
      context: contexts[0]!,
      choices: choices.map(withSpace),
      answer: gold,
    };
    return kind === 'schema' ? { ...item, contexts } : item;
  });
}

/**
 * Asks one task.
 *
 * @returns one row an item; `score` is what CORE counts
 * @throws EvalsError as the readers, BAD_MODEL_OUTPUT
 * @example
 * const rows = await runCoreTask('piqa', model, await readFile(`local_data/${coreTasks.piqa.file}`, 'utf8'));
 */
export async function runCoreTask<Image>(
  name: string,
  model: EvalModel<Image>,
  text: string,
  options: { batchSize?: number; seed?: number; onProgress?: (progress: EvalProgress) => void } = {},
): Promise<EvalRow[]> {
  const items = readCoreTask(name, text, options.seed);
  if (coreTask(name).kind === 'language') return runLanguage(model, items as LanguageItem[], options);
  return runMultipleChoice(model, items as TextItem[], { ...options, decideBy: 'tokens' });
}

/**
 * CORE from rows of its 22 tasks; without one of them there is no score, but the list of what is missing. Rows of lm-evaluation-harness,
 * which has some of the names too, do not count. Where a task has categories the mean over their means counts, as DCLM's evaluation has it.
 * @param version of DCLM's table of baselines, default `v2`
 * @param options.checkCounts whether tasks whose size is known must have a row for each question. Default true
 * @throws EvalsError DUPLICATE_ID, WRONG_COUNT
 */
export function coreScore(
  rows: readonly EvalRow[],
  version?: 'v1' | 'v2',
  options: { checkCounts?: boolean } = {},
): DclmScore {
  const byTask = suiteRows(rows, 'dclm-core', Object.keys(coreTasks), (options.checkCounts ?? true) ? sizes : {});
  return dclmCore(Object.fromEntries([...byTask].map(([name, own]) => [name, accuracyOf(name, own)])), version);
}

function accuracyOf(name: string, rows: readonly EvalRow[]): number {
  const categories = coreTask(name).hasCategories ? [...groupBy(rows, ({ type }) => type).values()] : [rows];
  return mean(categories.map((own) => mean(own.map(({ score }) => score))));
}

async function runLanguage<Image>(
  model: EvalModel<Image>,
  items: readonly LanguageItem[],
  { batchSize = 16, onProgress }: { batchSize?: number; onProgress?: (progress: EvalProgress) => void },
): Promise<EvalRow[]> {
  return inBatches(
    items,
    batchSize,
    ({ context, continuation }) => context.length + continuation.length,
    async (batch) => {
      const prompts = batch.map(({ context }) => ({ text: context }));
      const scores = await scoreContinuations(
        model,
        batch.map(({ continuation }, i) => ({ prompt: prompts[i]!, continuation })),
      );
      // Greedy decoding gives the continuation's tokens exactly if each is the likeliest after those before it. It may write as many as
      // they are and no more: neither may a longer word begin with the right one, nor a neighbour in the batch give it room.
      const texts = new Array<string>(batch.length);
      for (const [tokens, places] of groupBy(scores.keys(), (i) => scores[i]!.tokens)) {
        const written = await generateTexts(
          model,
          places.map((i) => prompts[i]!),
          tokens,
        );
        places.forEach((place, i) => {
          texts[place] = written[i]!;
        });
      }
      return batch.map(
        ({ id, task: name, type = 'language', context, continuation }, i): EvalRow => ({
          id,
          task: name,
          suite,
          split: 'test',
          type,
          condition: 'text',
          prompt: context,
          output: texts[i]!,
          expected: continuation,
          score: pythonStrip(texts[i]!) === pythonStrip(continuation) ? 1 : 0,
          scores: { logProb: scores[i]!.logProb },
          chance: 0,
        }),
      );
    },
    (done) => onProgress?.({ task: items[done - 1]!.task, condition: 'text', done, total: items.length }),
  );
}

function coreTask(name: string): CoreTask {
  const found = Object.hasOwn(coreTasks, name) ? coreTasks[name] : undefined;
  if (!found)
    throw new EvalsError(
      'INVALID_OPTION',
      `CORE: expected one of ${Object.keys(coreTasks).join(', ')}, got ${JSON.stringify(name)}.`,
    );
  return found;
}

/** White space at the ends of texts goes, inside lists it stays: so does llm-foundry. */
function exampleOf(record: TextRecord, kind: CoreTask['kind'], where: string): Example {
  const text = (name: string): string => pythonStrip(string(record, name, where));
  if (kind === 'language') return { contexts: [text('context')], choices: [text('continuation')], gold: 0 };
  const gold = index(record, ['gold'], where);
  if (kind === 'choice') return { contexts: [text('query')], choices: strings(record, 'choices', where), gold };
  const contexts = strings(record, 'context_options', where);
  return { contexts, choices: contexts.map(() => text('continuation')), gold };
}

const withSpace = (text: string): string => (text.startsWith(' ') ? text : ` ${text}`);
