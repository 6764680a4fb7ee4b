import { expect, it } from 'vitest';
import { makeItems, makeTextItems } from '../testing/models.ts';
import { guessingModel, oracleModel } from './known-models.ts';
import { runMultipleChoice } from './run-multiple-choice.ts';
import { runVision } from './run-vision.ts';

const image = ({ id }: { id: string }): string => id;

it('an oracle knows several tasks at once, and a schema by its contexts', async () => {
  const [open, existence, texts] = [makeItems('open-vqa', 12), makeItems('existence', 12), makeTextItems(12)];
  const schema = {
    id: 's',
    task: 'schema',
    context: '',
    contexts: ['Ann', 'Bob'],
    choices: [' ran.', ' ran.'],
    answer: 1,
  };
  const model = oracleModel([...open, ...existence, ...texts, schema]);
  for (const items of [open, existence]) {
    const rows = await runVision(model, items, { image, conditions: ['image'] });
    expect(rows.filter(({ condition, score }) => condition === 'image' && score === 1)).toHaveLength(12);
  }
  for (const items of [texts, [schema]])
    expect((await runMultipleChoice(model, items)).every(({ score }) => score === 1)).toBe(true);
});

it('a guess does not depend on batches or order, only on the seed', async () => {
  const items = makeItems('open-vqa', 40);
  const outputs = async (seed: number, batchSize: number, some = items): Promise<Record<string, string>> => {
    const rows = await runVision(guessingModel(items, { seed }), some, { image, batchSize, conditions: ['image'] });
    const asked = rows.filter(({ condition }) => condition === 'image');
    return Object.fromEntries(asked.map(({ id, output }) => [id, output]));
  };
  const first = await outputs(1, 1);
  expect(await outputs(1, 7, [...items].reverse())).toEqual(first);
  expect(await outputs(2, 7)).not.toEqual(first);
});

it('refuse ids that occur twice, and pictures that are no ids', async () => {
  const items = makeItems('open-vqa', 2);
  expect(() => oracleModel([...items, items[0]!])).toThrow(expect.objectContaining({ code: 'DUPLICATE_ID' }));
  expect(() => guessingModel([items[0]!, items[0]!], { seed: 1 })).toThrow(/occurs twice/);
  await expect(runVision(oracleModel(items), items, { image: () => 'x.png' })).rejects.toThrow(/id of an item.*x\.png/);
});
