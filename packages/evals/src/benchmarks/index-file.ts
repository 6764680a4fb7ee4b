/** The index files (`metadata.json`, `metadata-slim-N.json`) that vlm-evaluation builds from what was published. */
import { EvalsError } from '../errors.ts';
import { letter } from '../tasks/vision-tasks.ts';
import { type BenchmarkItem, field, list } from './benchmark.ts';
import { type BenchmarkName, benchmarkOf } from './benchmarks.ts';
import { withAndWithoutOcr } from './open-questions.ts';
import { orderedEntries } from './ordered-json.ts';

/**
 * Reads an index file, in its order. `image` is its `img_path`, relative to that project's root.
 *
 * @param where names the text in errors
 * @throws EvalsError BROKEN_FILE, DUPLICATE_ID, INVALID_OPTION
 * @example const items = readIndexFile('gqa', await readFile('datasets/gqa/metadata-slim-1024.json', 'utf8'));
 */
export function readIndexFile(name: BenchmarkName, text: string, where = `${name} index`): BenchmarkItem[] {
  benchmarkOf(name);
  const convert = converters[name];
  if (!convert) throw new EvalsError('INVALID_OPTION', `${name}: vlm-evaluation builds no index file for it.`);
  return orderedEntries(text, where).flatMap(([key, entry]) => {
    const at = `${where}, entry ${key}`;
    const image = field(entry, 'img_path', 'string', at);
    const made = convert(entry, at, key, image);
    return (Array.isArray(made) ? made : [made]).map((item) => ({ ...item, task: name, image }));
  });
}

type Made = Omit<BenchmarkItem, 'task' | 'image'>;
type Convert = (entry: unknown, where: string, key: string, image: string) => Made | BenchmarkItem[];

const question = (entry: unknown, where: string): string => field(entry, 'question', 'string', where);
const texts = (entry: unknown, name: string, where: string): string[] => list(entry, name, where).map(String);
const choice = (count: number, answer: number): Made['target'] => ({
  kind: 'choice',
  options: Array.from({ length: count }, (_, i) => letter(i)),
  answer,
});
const box = (entry: unknown, where: string): Made['target'] => ({
  kind: 'box',
  box: list(entry, 'bbox', where) as [number, number, number, number],
});

const converters: Partial<Record<BenchmarkName, Convert>> = {
  'vqa-v2': (entry, where, id) => ({
    id,
    split: 'val',
    type: field(entry, 'answer_type', 'string', where),
    question: question(entry, where),
    target: { kind: 'answers', answers: texts(entry, 'all_answers', where) },
  }),
  gqa: (entry, where, id) => ({
    id,
    split: 'testdev',
    type: 'all',
    question: question(entry, where),
    target: { kind: 'answers', answers: [field(entry, 'answer', 'string', where)] },
  }),
  'text-vqa': (entry, where, id, image) =>
    withAndWithoutOcr(id, question(entry, where), texts(entry, 'answers', where), image),
  vizwiz: (entry, where, id) => ({
    id,
    split: 'val',
    type: field(entry, 'answerable', 'number', where) === 1 ? 'answerable' : 'unanswerable',
    question: question(entry, where),
    // The list of answers lies in a list of its own.
    target: {
      kind: 'answers',
      answers: list(list(entry, 'answers', where)[0], '', where).map((one) => field(one, 'answer', 'string', where)),
    },
  }),
  pope: (entry, where) => {
    const split = field(entry, 'split', 'string', where);
    return {
      id: `${split}-${field(entry, 'split_question_id', 'number', where)}`,
      split,
      type: split,
      question: question(entry, where),
      target: { kind: 'yes-no', answer: field(entry, 'answer', 'string', where) as 'yes' | 'no' },
    };
  },
  refcoco: (entry, where) => {
    const split = field(entry, 'refer_dataset', 'string', where);
    return {
      id: `${split}-${field(entry, 'ref_id', 'number', where)}-${field(entry, 'sent_id', 'number', where)}`,
      split,
      type: split,
      question: field(entry, 'ref_expression', 'string', where),
      target: box(entry, where),
    };
  },
  'ocid-ref': (entry, where, id) => {
    const split = field(entry, 'clutter_split', 'string', where);
    return {
      id,
      split,
      type: split,
      question: field(entry, 'ref_expression', 'string', where),
      target: box(entry, where),
    };
  },
  'tally-qa': (entry, where, id) => {
    const split = field(entry, 'split', 'string', where);
    return {
      id,
      split,
      type: split,
      question: question(entry, where),
      choices: Array.from({ length: 16 }, (_, count) => String(count)),
      target: choice(16, field(entry, 'answer', 'number', where)),
    };
  },
  vsr: (entry, where, id) => ({
    id,
    split: 'zeroshot-test',
    type: field(entry, 'relation', 'string', where),
    question: field(entry, 'caption', 'string', where),
    target: {
      kind: 'choice',
      options: ['True', 'False'],
      answer: field(entry, 'true_false', 'boolean', where) ? 0 : 1,
    },
  }),
  ai2d: (entry, where, id) => {
    const split = field(entry, 'split', 'string', where);
    const choices = texts(entry, 'answer_choices', where);
    return {
      id,
      split,
      type: split,
      question: question(entry, where),
      choices,
      target: choice(choices.length, field(entry, 'answer_label', 'number', where)),
    };
  },
};
