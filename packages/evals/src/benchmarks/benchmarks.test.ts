import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oracleModel } from '../running/known-models.ts';
import type { BenchmarkItem } from './benchmark.ts';
import { type BenchmarkName, benchmarks } from './benchmarks.ts';
import { readIndexFile } from './index-file.ts';
import { orderedEntries } from './ordered-json.ts';
import { readPickle } from './pickle.ts';
import { inUpstreamOrder, readBenchmark } from './read-benchmark.ts';
import { runBenchmark, visionStableScore } from './run-benchmark.ts';

const pickle = (name: string): Promise<Buffer> => readFile(new URL(`../../fixtures/pickles/${name}`, import.meta.url));
const json = (value: unknown): string => JSON.stringify(value);
const lines = (values: unknown[]): string => values.map(json).join('\n');
const ten = (answer: string): { answer: string; answer_id: number }[] =>
  Array.from({ length: 10 }, (_, i) => ({ answer, answer_id: i + 1 }));

/** A few questions of every benchmark in the layout in which it is published. */
async function publishedFiles(): Promise<Record<BenchmarkName, Record<string, string | Buffer>>> {
  const instances = json({
    images: [7, 8, 9].map((id) => ({ id, width: 640, height: 480 })),
    annotations: Array.from({ length: 6 }, (_, n) => ({ id: 1000 + n, bbox: [80 + n, 60, 320, 240] })),
  });
  const refs = await pickle('refs-protocol-2.p');
  return {
    'vqa-v2': {
      'v2_OpenEnded_mscoco_val2014_questions.json': json({
        questions: [
          { image_id: 42, question: 'What colour is the cat?', question_id: 42001 },
          { image_id: 9, question: 'How many dogs?', question_id: 9000 },
        ],
      }),
      'v2_mscoco_val2014_annotations.json': json({
        annotations: [
          { question_id: 42001, image_id: 42, answer_type: 'other', answers: ten('red') },
          { question_id: 9000, image_id: 9, answer_type: 'number', answers: ten('2') },
        ],
      }),
    },
    gqa: {
      // Keys that look like indices: JavaScript would sort them.
      'testdev_balanced_questions.json':
        '{"201307251": {"question": "Is it red?", "answer": "yes", "imageId": "n1", "types": {"structural": "verify"}}, ' +
        '"20130": {"question": "Which {colour}: \\"this\\"?", "answer": "red", "imageId": "n2"}}',
    },
    'text-vqa': {
      'textvqa_val_v051_ocr.jsonl': lines([
        { text: 'What brand?\nReference OCR token: NIKE, JUST', question_id: 'x' },
        { text: 'What time?\nReference OCR token: ', question_id: 'y' },
      ]),
      'TextVQA_0.5.1_val.json': json({
        data: [
          { question_id: 34602, image_id: 'aa', answers: Array(10).fill('nike') },
          { question_id: 34603, image_id: 'bb', answers: Array(10).fill('10:10') },
        ],
      }),
    },
    pope: Object.fromEntries(
      ['adversarial', 'popular', 'random'].map((split) => [
        `coco_pope_${split}.json`,
        lines([
          { question_id: 1, image: 'a.jpg', text: 'Is there a cat in the image?', label: 'yes' },
          { question_id: 2, image: 'b.jpg', text: 'Is there a dog in the image?', label: 'no' },
        ]),
      ]),
    ),
    refcoco: {
      'refcoco/refs(unc).p': refs,
      'refcoco/instances.json': instances,
      'refcoco+/refs(unc).p': refs,
      'refcoco+/instances.json': instances,
      'refcocog/refs(umd).p': refs,
      'refcocog/instances.json': instances,
    },
    'ocid-ref': {
      'val_expressions.json': json({
        '9': { scene_path: 's/1.png', bbox: '[64, 48, 320, 240]', sentence: 'the mug', take_id: 9 },
        '10': { scene_path: 's/2.png', bbox: '[0, 0, 640, 480]', sentence: 'all', take_id: 10 },
        '11': { scene_path: 's/3.png', bbox: '[100, 200, 300, 400]', sentence: 'the box', take_id: 17 },
      }),
    },
    vizwiz: {
      'val.json': json([
        { image: 'v1.jpg', question: 'What is this?', answers: ten('soup'), answerable: 1 },
        { image: 'v2.jpg', question: 'And this?', answers: ten('unanswerable'), answerable: 0 },
      ]),
    },
    'tally-qa': {
      'test.json': json([
        { question_id: 5, question: 'How many cats?', image: 'VG_100K/1.jpg', answer: 3, issimple: true },
        { question_id: 6, question: 'How many red dogs?', image: 'VG_100K/2.jpg', answer: 0, issimple: false },
      ]),
    },
    vsr: {
      'test.jsonl': lines([
        { image: '1.jpg', caption: 'The cat is on the mat.', label: 1, relation: 'on' },
        { image: '2.jpg', caption: 'The dog is under the mat.', label: 0, relation: 'under' },
      ]),
    },
    ai2d: {
      'questions/10.png.json': json({
        imageName: '10.png',
        questions: { 'What eats?': { questionId: '10-0', answerTexts: ['a', 'b', 'c', 'd'], correctAnswer: 2 } },
      }),
      'questions/9.png.json': json({
        imageName: '9.png',
        questions: { 'What grows?': { questionId: '9-0', answerTexts: ['e', 'f', 'g', 'h'], correctAnswer: 0 } },
      }),
      'ai2d_test_ids.csv': '9\n',
    },
    nocaps: {
      'nocaps_val_4500_captions.json': json({
        images: [
          { id: 0, file_name: '0.jpg', domain: 'in-domain' },
          { id: 1, file_name: '1.jpg', domain: 'out-domain' },
        ],
        annotations: [
          { image_id: 0, caption: 'A cat sits on a red mat.' },
          { image_id: 1, caption: 'Two dogs run over a green field.' },
          { image_id: 1, caption: 'Dogs are running on grass.' },
        ],
      }),
    },
  };
}

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'benchmarks-'));
  for (const [name, files] of Object.entries(await publishedFiles()))
    for (const [file, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, name, file)), { recursive: true });
      await writeFile(join(root, name, file), content);
    }
});
afterAll(() => rm(root, { recursive: true, force: true }));

const read = (name: BenchmarkName): Promise<BenchmarkItem[]> =>
  readBenchmark(name, join(root, name), { checkCounts: false });
const names = Object.keys(benchmarks) as BenchmarkName[];

describe('published files', () => {
  it.each(names)(
    '%s: an oracle that reads the truth gets everything, in both modes and under upstream’s names',
    async (name) => {
      const items = await read(name);
      // It is shown the id of the picture's item, and says what is right for it.
      const model = oracleModel(items);
      for (const mode of ['official', 'fixed'] as const) {
        const result = await runBenchmark(name, model, items, { image: ({ id }) => id, mode, conditions: ['image'] });
        const asked = result.rows.filter(({ condition }) => condition === 'image');
        expect(asked).toHaveLength(items.length);
        expect(new Set(asked.map((row) => row.mode))).toEqual(new Set([mode]));
        if (name === 'nocaps') continue; // a caption of two objects is not a reference
        expect(asked.map(({ score }) => score)).toEqual(items.map(() => 1));
        const { image = {}, majority = {} } = result.metrics;
        const whole = ['vqa-v2', 'gqa', 'vizwiz'].includes(name) ? 100 : 1;
        for (const [metric, value] of Object.entries(image))
          expect([metric, value]).toEqual([
            metric,
            metric.endsWith('ShareOfYes') ? 0.5 : metric.startsWith('unans') ? 100 : whole,
          ]);
        expect(Object.keys(majority)).toEqual(Object.keys(image));
      }
    },
  );

  it('questions about one picture are rows of one cluster, and none sees it as the wrong one', async () => {
    const [first, second] = await read('gqa');
    const items = ['a', 'b', 'c', 'd', 'e', 'f'].flatMap((picture) =>
      [first!, second!].map((item, i) => ({ ...item, id: `${picture}${i}`, image: `${picture}.jpg` })),
    );
    const { rows } = await runBenchmark('gqa', oracleModel(items), items, {
      image: ({ id }) => id,
      conditions: ['wrong-image'],
    });
    expect(rows).toHaveLength(2 * items.length);
    for (const { id, cluster, imageOf } of rows) {
      expect(cluster).toBe(`${id[0]}.jpg`);
      if (imageOf !== undefined) expect(imageOf[0]).not.toBe(id[0]);
    }
  });

  it('questions, pictures and truths are those of the files', async () => {
    const byId = async (name: BenchmarkName): Promise<Record<string, BenchmarkItem>> =>
      Object.fromEntries((await read(name)).map((item) => [item.id, item]));
    expect((await byId('vqa-v2'))['9000']).toEqual({
      id: '9000',
      task: 'vqa-v2',
      split: 'val',
      type: 'number',
      question: 'How many dogs?',
      target: { kind: 'answers', answers: Array(10).fill('2') },
      image: 'COCO_val2014_000000000009.jpg',
    });
    expect((await byId('text-vqa'))['34602-pure']!.question).toBe('What brand?');
    expect((await byId('text-vqa'))['34602-ocr']!.question).toBe('What brand?\nReference OCR token: NIKE, JUST');
    expect((await byId('refcoco'))['RefCOCO+-50-1']).toMatchObject({
      question: 'left one 0',
      target: { box: [0.12, 0.12, 0.62, 0.62] },
      image: 'COCO_train2014_000000000007.jpg',
    });
    expect(Object.keys(await byId('refcoco'))).toHaveLength(3 * 8);
    const ocid = await byId('ocid-ref');
    expect([ocid['9'], ocid['10'], ocid['11']].map((item) => item!.split)).toEqual([
      'Minimum Clutter',
      'Medium Clutter',
      'Maximum Clutter',
    ]);
    expect(ocid['9']!.target).toEqual({ kind: 'box', box: [0.1, 0.1, 0.5, 0.5] });
    expect((await byId('ai2d'))['9-0']).toMatchObject({ split: 'test', choices: ['e', 'f', 'g', 'h'] });
    expect((await byId('nocaps'))['1']!.target).toMatchObject({ references: [expect.any(String), expect.any(String)] });
  });

  it('a file that is missing, cut or not the published one is an error that names it', async () => {
    await expect(readBenchmark('gqa', join(root, 'vsr'))).rejects.toMatchObject({
      code: 'MISSING_FILE',
      message: expect.stringContaining('testdev_balanced_questions.json'),
    });
    await expect(readBenchmark('gqa', join(root, 'gqa'))).rejects.toMatchObject({ code: 'WRONG_COUNT' });
    const broken = join(root, 'broken');
    await mkdir(broken);
    const file = join(broken, 'test.jsonl');
    await writeFile(file, '{"image": "1.jpg", "caption": "A cat.", "label": 1, "relation": "on"}\n{"image": "2.jp');
    await expect(readBenchmark('vsr', broken)).rejects.toMatchObject({
      code: 'BROKEN_FILE',
      message: expect.stringContaining('test.jsonl, line 2'),
    });
    await writeFile(file, '{"image": "1.jpg", "label": 1, "relation": "on"}');
    await expect(readBenchmark('vsr', broken)).rejects.toThrow('expected "caption" to be a string, got undefined');
    await expect(readBenchmark('vqa' as 'gqa', root)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('an id that occurs twice is an error', async () => {
    const items = await read('pope');
    expect(() => inUpstreamOrder(benchmarks.pope, [...items, items[0]!])).toThrow(/occurs twice/);
  });
});

describe('subsets', () => {
  it('of TextVQA keep both forms of a question together', () => {
    const items = Array.from({ length: 50 }, (_, i) =>
      ['ocr', 'pure'].map((split) => ({ id: `${i}-${split}`, split }) as BenchmarkItem),
    ).flat();
    const slim = inUpstreamOrder(benchmarks['text-vqa'], items, 10).map(({ id }) => id);
    expect(slim).toHaveLength(20);
    expect(slim.filter((id) => id.endsWith('ocr')).map((id) => id.replace('ocr', 'pure'))).toEqual(
      slim.filter((id) => id.endsWith('pure')),
    );
  });
});

describe('index files of vlm-evaluation', () => {
  const base = { img_path: 'download/x/1.jpg', question: 'What?' };
  const entries: Partial<Record<BenchmarkName, object>> = {
    'vqa-v2': { ...base, question_id: 1, answer_type: 'other', answer: 'red', all_answers: Array(10).fill('red') },
    gqa: { ...base, question_id: 1, answer: 'red' },
    'text-vqa': { ...base, question: 'What?\nReference OCR token: A', answers: Array(10).fill('red') },
    vizwiz: { ...base, answers: [ten('red')], answerable: 1 },
    pope: { ...base, answer: 'yes', split: 'random', split_question_id: 7 },
    refcoco: {
      ...base,
      ref_expression: 'it',
      bbox: [0.1, 0.2, 0.3, 0.4],
      refer_dataset: 'RefCOCOg',
      ref_id: 1,
      sent_id: 2,
    },
    'ocid-ref': { ...base, ref_expression: 'it', bbox: [0.1, 0.2, 0.3, 0.4], clutter_split: 'Medium Clutter' },
    'tally-qa': { ...base, answer: 12, split: 'simple' },
    vsr: { ...base, caption: 'It is.', true_false: false, relation: 'on' },
    ai2d: { ...base, answer_choices: ['a', 'b', 'c', 'd'], answer_label: 1, split: 'val' },
  };

  it.each(Object.entries(entries))('%s', async (name, entry) => {
    const items = readIndexFile(
      name as BenchmarkName,
      `{"912": ${json(entry)}, "5": ${json({ ...entry, split_question_id: 8, sent_id: 3 })}}`,
    );
    expect(items).toHaveLength(name === 'text-vqa' ? 4 : 2);
    expect(items[0]!.image).toBe('download/x/1.jpg');
    const { rows } = await runBenchmark(name as BenchmarkName, oracleModel(items), items, {
      image: ({ id }) => id,
      conditions: ['image'],
    });
    expect(rows.filter(({ condition }) => condition === 'image').every(({ score }) => score === 1)).toBe(true);
  });

  it('keep their order, and say which entry is broken', () => {
    expect(
      readIndexFile('gqa', `{"912": ${json(entries.gqa)}, "5": ${json(entries.gqa)}}`).map(({ id }) => id),
    ).toEqual(['912', '5']);
    expect(() => readIndexFile('gqa', '{"912": {"img_path": 3}}')).toThrow(/gqa index, entry 912: expected "img_path"/);
    expect(() => readIndexFile('nocaps', '{}')).toThrow(/builds no index file/);
  });
});

describe('the stable score', () => {
  it('needs all six benchmarks of one mode, and says which are missing', async () => {
    const result = async (name: BenchmarkName, mode: 'official' | 'fixed' = 'official') => {
      const items = await read(name);
      return runBenchmark(name, oracleModel(items), items, { image: ({ id }) => id, conditions: ['image'], mode });
    };
    const five = await Promise.all(
      (['vqa-v2', 'gqa', 'text-vqa', 'pope', 'refcoco'] as const).map((name) => result(name)),
    );
    expect(visionStableScore(five)).toMatchObject({ missing: ['ocid-ref'] });
    const all = [...five, await result('ocid-ref'), await result('vizwiz')];
    expect(visionStableScore(all)).toMatchObject({ score: (0.5 + 1 + 1 + 1 + 0.75 + 0.75) / 6, missing: [] });
    expect(() => visionStableScore([...five, five[0]!])).toThrow(/each benchmark once/);
    const fixed = await result('ocid-ref', 'fixed');
    expect(() => visionStableScore([...five, fixed])).toThrow(/one mode/);
  });
});

describe('ordered entries', () => {
  it('are in the order of the file, whatever the values hold', () => {
    const text = '{"10": {"a": [1, {"b": "}"}]}, "2": "x: {\\"y\\": 1}", "\\u0061": null, "": []}';
    expect(orderedEntries(text, 'test')).toEqual([
      ['10', { a: [1, { b: '}' }] }],
      ['2', 'x: {"y": 1}'],
      ['a', null],
      ['', []],
    ]);
  });

  it('refuse doubled keys and what is no object', () => {
    expect(() => orderedEntries('{"1": 1, "2": 2, "1": 3}', 'test')).toThrow(/the key "1" occurs twice/);
    expect(() => orderedEntries('[1]', 'test')).toThrow(/expected a JSON object, got \[1\]/);
    expect(() => orderedEntries('{', 'test')).toThrow(/expected JSON/);
  });
});

describe('pickles', () => {
  it('of protocols 0, 2 and 4 hold the same references', async () => {
    const [a, b, c] = await Promise.all(
      [0, 2, 4].map(async (p) => readPickle(await pickle(`refs-protocol-${p}.p`), 'refs')),
    );
    expect(b).toEqual(a);
    expect(c).toEqual(a);
    expect((a as Map<string, unknown>[])[0]!.get('split')).toBe('val');
  });

  it('hold every kind of plain value', async () => {
    const value = readPickle(await pickle('plain.p'), 'plain') as Map<string, unknown>;
    expect(value.get('numbers')).toEqual([
      0,
      -1,
      255,
      256,
      65536,
      -(2 ** 31),
      2 ** 40,
      -(2 ** 40),
      1.5,
      Number.POSITIVE_INFINITY,
    ]);
    expect(value.get('none')).toBeNull();
    expect(value.get('truth')).toEqual([true, false]);
    expect(value.get('tuple')).toEqual([1, 2, 3, 4]);
    expect(value.get('small')).toEqual([1]);
    expect(value.get('text')).toBe('你好');
    expect(value.get('long'.repeat(80))).toEqual(['x'.repeat(300)]);
  });

  it('that would call a function are refused, and cut ones are errors at every length', async () => {
    const calls = await pickle('calls-a-function.p');
    expect(() => readPickle(calls, 'evil')).toThrow(/which plain data does not need/);
    const bytes = await pickle('refs-protocol-4.p');
    for (let length = 0; length < bytes.length; length++)
      expect(() => readPickle(bytes.subarray(0, length), 'cut')).toThrow(
        expect.objectContaining({ code: 'BROKEN_FILE' }),
      );
  });
});
