import { expect, it } from 'vitest';
import { oracleModel } from '../running/known-models.ts';
import { runVision } from '../running/run-vision.ts';
import { makeItems } from '../testing/models.ts';
import type { EvalRow } from '../types.ts';
import { answerShares, summarise } from './summarise.ts';

const items = makeItems('open-vqa', 96);
const rows = await runVision(oracleModel(items), items, { image: (item) => item.id });

it('pools lines and stands baselines beside them', () => {
  const table = summarise(rows, { seed: 1 });
  // (all + 2 splits) × (all + 2 types) × (3 conditions + majority)
  expect(table).toHaveLength(3 * 3 * 4);
  expect(table[0]).toMatchObject({ task: 'open-vqa', split: 'all', type: 'all', condition: 'image', n: 96 });
  expect(table[0]!.score).toMatchObject({ estimate: 1, high: 1, n: 96 });
  expect(table[0]!.score.low).toBeCloseTo(0.9615, 3); // Wilson: all right is not surely right
  const colour = table.find(
    (line) => line.type === 'colour' && line.split === 'new-scene' && line.condition === 'image',
  )!;
  expect(colour).toMatchObject({ chance: 0.25, majority: 0.25, majorityFrom: 'test', n: 24 });
  expect(colour.answers).toMatchObject({ distinct: 4, top: expect.arrayContaining([{ answer: 'red', share: 0.25 }]) });
  expect(summarise(rows, { seed: 1 })).toEqual(table);
});

it('means bits per byte over bytes, and further scores over the rows that have them', () => {
  const row = (id: string, score: number, weight: number, scores: Record<string, number>): EvalRow => ({
    id,
    task: 'bits-per-byte',
    split: 'test',
    type: 'novel',
    condition: 'text',
    prompt: '',
    output: '',
    expected: '',
    score,
    weight,
    scores,
  });
  const [line] = summarise([row('a', 1, 3, { tokens: 4 }), row('b', 3, 1, { tokens: 2, pieces: 1 })], { seed: 1 });
  expect(line!.score.estimate).toBe(1.5);
  expect(line!.scores).toEqual({ tokens: 3, pieces: 1 });
  expect(line).not.toHaveProperty('chance');
  expect(line).not.toHaveProperty('majority');
});

it('shows a model that always says yes', () => {
  expect(answerShares([{ output: 'Yes.' }, { output: 'yes' }, { output: 'no' }]).shareOfYes).toBe(2 / 3);
  expect(answerShares([])).not.toHaveProperty('shareOfYes');
  expect(answerShares([{ output: 'Yes.' }, { output: 'yes' }, { output: 'no' }, { output: 'a cat' }])).toEqual({
    distinct: 3,
    top: [
      { answer: 'yes', share: 0.5 },
      { answer: 'cat', share: 0.25 },
      { answer: 'no', share: 0.25 },
    ],
  });
});

it('refuses nothing', () => {
  expect(() => summarise([], { seed: 1 })).toThrow(expect.objectContaining({ code: 'EMPTY_SET' }));
});

it('draws questions about one picture together', () => {
  const scored = (scores: readonly number[]): EvalRow[] =>
    scores.map((score, i) => ({
      id: `${i}`,
      task: 'gqa',
      split: 'testdev',
      type: i % 2 === 0 ? 'all' : 'structural',
      condition: 'image',
      prompt: '',
      output: '',
      expected: '',
      score,
      cluster: `${Math.floor(i / 10)}.jpg`,
    }));
  const alone = (rows: EvalRow[]): EvalRow[] => rows.map(({ cluster: _, ...row }) => row);
  const width = (rows: EvalRow[]): number => {
    const { low, high, n } = summarise(rows, { seed: 1 })[0]!.score;
    expect(n).toBe(200);
    return high - low;
  };
  const rows = scored(Array.from({ length: 200 }, (_, i) => Math.floor(i / 10) % 2));
  expect(width(rows)).toBeGreaterThan(2.5 * width(alone(rows)));
  const allRight = scored(new Array(200).fill(1));
  expect(width(allRight)).toBeGreaterThan(5 * width(alone(allRight)));
});
