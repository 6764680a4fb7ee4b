/** Benchmarks of open questions: VQAv2, GQA, TextVQA, VizWiz. */
import { gqaPercent } from '../scoring/exact-match.ts';
import { vizwizScore } from '../scoring/vizwiz.ts';
import { vqaPercent } from '../scoring/vqa-accuracy.ts';
import { paperPrompts } from '../tasks/vision-tasks.ts';
import type { EvalRow } from '../types.ts';
import { accuracy, type Benchmark, type BenchmarkItem, field, list, textOf } from './benchmark.ts';
import { orderedEntries, parseJson, parseJsonLines } from './ordered-json.ts';

const percent = (rows: readonly EvalRow[]): number => vqaPercent(rows.map(({ score }) => score));
const answersOf = (item: BenchmarkItem): string[] => (item.target.kind === 'answers' ? item.target.answers : []);

const vqaQuestions = 'v2_OpenEnded_mscoco_val2014_questions.json';
const vqaAnnotations = 'v2_mscoco_val2014_annotations.json';

export const vqaV2: Benchmark = {
  name: 'vqa-v2',
  files: [vqaQuestions, vqaAnnotations],
  counts: { val: 214_354 },
  slimPer: 'all',
  scoring: { answers: 'vqa-v2' },
  prompt: ({ question }) => paperPrompts.vqa(question),
  read(files) {
    const questions = new Map(
      list(parseJson(textOf(files, vqaQuestions), vqaQuestions), 'questions', vqaQuestions).map((question) => [
        field(question, 'question_id', 'number', vqaQuestions),
        field(question, 'question', 'string', vqaQuestions),
      ]),
    );
    return list(parseJson(textOf(files, vqaAnnotations), vqaAnnotations), 'annotations', vqaAnnotations).map(
      (annotation): BenchmarkItem => {
        const id = field(annotation, 'question_id', 'number', vqaAnnotations);
        const where = `${vqaAnnotations}, question ${id}`;
        const answers = list(annotation, 'answers', where).map((answer) => field(answer, 'answer', 'string', where));
        return {
          id: String(id),
          task: 'vqa-v2',
          split: 'val',
          type: field(annotation, 'answer_type', 'string', where),
          question: field({ question: questions.get(id) }, 'question', 'string', `${vqaQuestions}, question ${id}`),
          target: { kind: 'answers', answers },
          image: `COCO_val2014_${String(field(annotation, 'image_id', 'number', where)).padStart(12, '0')}.jpg`,
        };
      },
    );
  },
  metrics: (rows) => ({ accuracy: percent(rows) }),
  stableMetric: 'accuracy',
};

const gqaFile = 'testdev_balanced_questions.json';

export const gqa: Benchmark = {
  name: 'gqa',
  files: [gqaFile],
  counts: { testdev: 12_578 },
  slimPer: 'all',
  scoring: { answers: 'gqa' },
  prompt: ({ question }) => paperPrompts.vqa(question),
  read: (files) =>
    orderedEntries(textOf(files, gqaFile), gqaFile).map(([id, example]): BenchmarkItem => {
      const where = `${gqaFile}, question ${id}`;
      const types = (example as { types?: { structural?: string } }).types;
      return {
        id,
        task: 'gqa',
        split: 'testdev',
        type: types?.structural ?? 'all',
        question: field(example, 'question', 'string', where),
        target: { kind: 'answers', answers: [field(example, 'answer', 'string', where)] },
        image: `${field(example, 'imageId', 'string', where)}.jpg`,
      };
    }),
  metrics: (rows, items, mode) => ({
    accuracy: gqaPercent(
      rows.map(({ output }, i) => ({ prediction: output, gold: answersOf(items[i]!)[0]!, balanced: true })),
      mode,
    ),
  }),
  stableMetric: 'accuracy',
};

const textQuestions = 'textvqa_val_v051_ocr.jsonl';
const textAnswers = 'TextVQA_0.5.1_val.json';
const ocrMark = '\nReference OCR token:';

/** @param text the question with what an OCR read behind it */
export function withAndWithoutOcr(id: string, text: string, answers: string[], image: string): BenchmarkItem[] {
  const item = { task: 'text-vqa', target: { kind: 'answers' as const, answers }, image };
  return [
    { ...item, id: `${id}-ocr`, split: 'ocr', type: 'ocr', question: text },
    { ...item, id: `${id}-pure`, split: 'pure', type: 'pure', question: text.split(ocrMark)[0]! },
  ];
}

/** Each question twice: with the words that an OCR read (type `ocr`), and as it was asked (`pure`, the paper's figure). */
export const textVqa: Benchmark = {
  name: 'text-vqa',
  files: [textQuestions, textAnswers],
  counts: { ocr: 5000, pure: 5000 },
  slimPer: 'all',
  subsetKey: ({ id }) => id.replace(/-(ocr|pure)$/, ''),
  scoring: { answers: 'text-vqa' },
  prompt: ({ question }) => paperPrompts.vqa(question),
  read(files) {
    // Both lists have the same order and differ in ids; upstream pairs them by place.
    const texts = parseJsonLines(textOf(files, textQuestions), textQuestions);
    return list(parseJson(textOf(files, textAnswers), textAnswers), 'data', textAnswers).flatMap(
      (example, i): BenchmarkItem[] => {
        const id = field(example, 'question_id', 'number', textAnswers);
        const where = `${textAnswers}, question ${id}`;
        const text = field(texts[i], 'text', 'string', `${textQuestions}, line ${i + 1}`);
        const answers = list(example, 'answers', where).map(String);
        return withAndWithoutOcr(String(id), text, answers, `${field(example, 'image_id', 'string', where)}.jpg`);
      },
    );
  },
  metrics: (rows) => ({
    'accuracy__TextVQA-OCR': accuracy(rows.filter(({ split }) => split === 'ocr')),
    'accuracy__TextVQA-Pure': accuracy(rows.filter(({ split }) => split === 'pure')),
  }),
  stableMetric: 'accuracy__TextVQA-Pure',
};

const vizwizFile = 'val.json';

/** Not part of the stable score. Question types: `answerable` and `unanswerable`. */
export const vizwiz: Benchmark = {
  name: 'vizwiz',
  files: [vizwizFile],
  counts: { val: 4319 },
  slimPer: 'all',
  scoring: { answers: 'vizwiz' },
  prompt: ({ question }) => paperPrompts.vizwiz(question),
  read: (files) =>
    list(parseJson(textOf(files, vizwizFile), vizwizFile), '', vizwizFile).map((example, i): BenchmarkItem => {
      const where = `${vizwizFile}, question ${i}`;
      const answers = list(example, 'answers', where).map((answer) => field(answer, 'answer', 'string', where));
      return {
        id: String(i),
        task: 'vizwiz',
        split: 'val',
        type: field(example, 'answerable', 'number', where) === 1 ? 'answerable' : 'unanswerable',
        question: field(example, 'question', 'string', where),
        target: { kind: 'answers', answers },
        image: field(example, 'image', 'string', where),
      };
    }),
  metrics(rows, items) {
    const {
      accuracy: score,
      averagePrecision,
      f1,
    } = vizwizScore(
      rows.map(({ output, type }, i) => ({
        prediction: output,
        answers: answersOf(items[i]!),
        answerable: type === 'answerable',
      })),
    );
    return { accuracy: score, unanswerable__AP: averagePrecision, unanswerable__F1: f1 };
  },
};
