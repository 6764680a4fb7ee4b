import { describe, expect, it } from 'vitest';
import { makeItems } from '../testing/models.ts';
import type { EvalModel, EvalRow, VisionItem } from '../types.ts';
import { guessingModel, oracleModel } from './known-models.ts';
import { runVision } from './run-vision.ts';

const image = (item: VisionItem): string => item.id;
const mean = (rows: readonly EvalRow[], of: (row: EvalRow) => number = (row) => row.score): number =>
  rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
const under = (rows: readonly EvalRow[], condition: string): EvalRow[] =>
  rows.filter((row) => row.condition === condition);
const tasks = ['open-vqa', 'existence', 'grounding', 'captioning'];

describe.each(tasks)('%s', (task) => {
  const items = makeItems(task, 96);

  it('gives an oracle 1 with its picture, and less with another', async () => {
    const rows = await runVision(oracleModel(items), items, { image });
    expect(rows).toHaveLength(4 * items.length);
    expect(mean(under(rows, 'image'))).toBe(1);
    expect(mean(under(rows, 'wrong-image'))).toBeLessThan(0.6);
    for (const row of under(rows, 'wrong-image')) expect(row.imageOf).not.toBe(row.id);
    expect(mean(under(rows, 'no-image'))).toBe(task === 'existence' ? 0.5 : 0);
    expect(under(rows, 'majority').every((row) => row.countedOn === 'test')).toBe(true);
  });

  it('gives a guesser what chance says', async () => {
    const many = makeItems(task, 2000);
    const model = guessingModel(many, { seed: 'guess' });
    const rows = under(await runVision(model, many, { image, conditions: ['image'] }), 'image');
    // Four standard errors of a proportion of 2,000.
    expect(Math.abs(mean(rows) - mean(rows, (row) => row.chance!))).toBeLessThan(4 * Math.sqrt(0.25 / 2000));
  });

  it('does not depend on the batch size', async () => {
    const run = (batchSize: number): Promise<EvalRow[]> => runVision(oracleModel(items), items, { image, batchSize });
    expect(await run(1)).toEqual(await run(7));
    expect(await run(7)).toEqual(await run(1000));
  });

  it('is plain data', async () => {
    const rows = await runVision(oracleModel(items), items, { image });
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows);
  });
});

it('counts majority answers on training targets where it has them', async () => {
  const items = makeItems('open-vqa', 32);
  const training = [{ type: 'colour', target: { kind: 'answers' as const, answers: ['white'] } }];
  const rows = under(await runVision(oracleModel(items), items, { image, training }), 'majority');
  const colours = rows.filter((row) => row.type === 'colour');
  expect(colours.every((row) => row.output === 'white' && row.countedOn === 'training')).toBe(true);
  expect(mean(colours)).toBe(0.25);
  expect(rows.filter((row) => row.type === 'name').every((row) => row.countedOn === 'test')).toBe(true);
});

it('decides yes/no questions by likelihood, a tie being a yes, and keeps the generated answer beside', async () => {
  const items = makeItems('existence', 4);
  const model: EvalModel<string> = {
    generate: async (prompts) => prompts.map(() => ' No, there is not.'),
    logLikelihood: async (requests) => requests.map(() => ({ logProb: -1, tokens: 1, bytes: 4 })),
  };
  const [row] = await runVision(model, items, { image, conditions: ['image'] });
  expect(row).toMatchObject({ output: 'yes', score: 1, margin: 0, generated: ' No, there is not.' });
  expect(row!.scores).toEqual({ generated: 0 });
  const [bare] = await runVision(model, items, { image, conditions: ['image'], yesNo: { generate: false } });
  expect(bare).not.toHaveProperty('generated');
});

it('formats prompts, limits new tokens by task and reports progress', async () => {
  const items = makeItems('grounding', 5);
  const seen: { texts: string[]; maxNewTokens: number }[] = [];
  const told: unknown[] = [];
  const model: EvalModel<string> = {
    ...oracleModel(items),
    generate: async (prompts, { maxNewTokens }) => {
      seen.push({ texts: prompts.map(({ text }) => text), maxNewTokens });
      return prompts.map(() => '[0, 0, 1, 1]');
    },
  };
  await runVision(model, items, {
    image,
    batchSize: 3,
    conditions: ['no-image'],
    format: (item) => `In: ${item.question}\nOut:`,
    onProgress: (progress) => told.push(progress),
  });
  expect(seen.map(({ maxNewTokens }) => maxNewTokens)).toEqual([32, 32]);
  expect(seen[0]!.texts[0]).toBe('In: Question 0 of grounding?\nOut:');
  expect(told).toEqual([
    { task: 'grounding', condition: 'no-image', done: 3, total: 5 },
    { task: 'grounding', condition: 'no-image', done: 5, total: 5 },
  ]);
});

describe('refuses', () => {
  const items = makeItems('open-vqa', 4);
  const [first, ...rest] = items as [VisionItem, ...VisionItem[]];
  const change = (over: object): VisionItem[] => [{ ...first, ...over } as VisionItem, ...rest];
  const model = oracleModel(items);
  it.each<[string, VisionItem[], string]>([
    ['no items', [], 'EMPTY_SET'],
    ['a double id', [...items, first], 'DUPLICATE_ID'],
    ['an empty id', change({ id: '' }), 'INVALID_ITEM'],
    ['two tasks at once', change({ task: 'reading' }), 'INVALID_ITEM'],
    ['an unknown target', change({ target: { kind: 'essay' } }), 'UNKNOWN_TARGET'],
    ['a missing target', change({ target: undefined }), 'UNKNOWN_TARGET'],
    ['two kinds of target', change({ target: { kind: 'yes-no', answer: 'yes' } }), 'INVALID_ITEM'],
    ['no answers', change({ target: { kind: 'answers', answers: [] } }), 'INVALID_ITEM'],
    ['a single item', [first], 'NO_OTHER_IMAGE'],
  ])('%s', async (_, bad, code) => {
    await expect(runVision(model, bad, { image })).rejects.toMatchObject({ name: 'EvalsError', code });
  });

  it('a box that is none and a caption without objects', async () => {
    const box = makeItems('grounding', 2).map((item) => ({
      ...item,
      target: { kind: 'box' as const, box: [0.5, 0, 0.1, 1] as [number, number, number, number] },
    }));
    await expect(runVision(model, box, { image })).rejects.toMatchObject({ code: 'INVALID_ITEM' });
    const caption = makeItems('captioning', 2).map((item) => ({
      ...item,
      target: { kind: 'caption' as const, references: ['x'], objects: [] },
    }));
    await expect(runVision(model, caption, { image })).rejects.toMatchObject({ code: 'INVALID_ITEM' });
  });

  it('an item without its picture, unless none is shown', async () => {
    const none = (): undefined => undefined;
    await expect(runVision(model, items, { image: none })).rejects.toMatchObject({ code: 'MISSING_IMAGE' });
    await expect(runVision(model, items, { image: none, conditions: ['no-image'] })).resolves.toHaveLength(8);
  });

  it('conditions, batch sizes and modes that make no sense', async () => {
    for (const options of [
      { conditions: [] },
      { conditions: ['image', 'image'] as const },
      { batchSize: 0 },
      { scoring: { mode: 'official' as const } },
    ])
      await expect(runVision(model, items, { image, ...options })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('models that answer too little or improbably', async () => {
    const short = { ...model, generate: async () => ['cat'] };
    await expect(runVision(short, items, { image })).rejects.toMatchObject({ code: 'BAD_MODEL_OUTPUT' });
    const existence = makeItems('existence', 4);
    const right = { logProb: -1, tokens: 1, bytes: 4 };
    for (const score of [
      { ...right, logProb: Number.NaN },
      { ...right, logProb: 1 },
      { ...right, logProb: '-1' },
      { ...right, tokens: 0 },
      { logprob: -1, tokens: 1, bytes: 4 },
      { logProb: -1, tokens: 1 },
      -1.5,
      undefined,
    ]) {
      const odd: EvalModel<string> = {
        ...model,
        logLikelihood: async (requests) => requests.map(() => score as never),
      };
      await expect(runVision(odd, existence, { image })).rejects.toMatchObject({ code: 'BAD_MODEL_OUTPUT' });
    }
  });
});
