import { arraySource, collect, type OpenSource, type TrainingItem } from '@vlm/trainer';
import { expect, it } from 'vitest';
import { sameInEveryPass } from './finetune.ts';

const ids = ['a', 'b', 'c', 'd', 'e'];
const items = (keys: readonly string[]) =>
  keys.map((id): TrainingItem => ({ id, tokens: Int32Array.of(1), loss: Uint8Array.of(1) }));

it('gives in later passes, whose order is another, the conversations of the first', async () => {
  const first = arraySource(items(ids.slice(0, 3)));
  let readings = 0;
  const counted: OpenSource<TrainingItem> = (state, pass) => {
    readings++;
    return first(state, pass);
  };
  const open = sameInEveryPass(first, counted, (only) => arraySource(items(ids.toReversed().filter(only))));
  const pass = async (epoch: number, state?: unknown): Promise<string[]> =>
    (await collect(await open(state, { epoch }))).map(({ id }) => id);
  expect(await pass(0)).toEqual(['a', 'b', 'c']);
  expect(readings).toBe(0);
  expect(await pass(1)).toEqual(['c', 'b', 'a']);
  expect(await pass(2)).toEqual(['c', 'b', 'a']);
  expect(readings).toBe(1);

  const second = await open(undefined, { epoch: 1 });
  await second.next();
  expect(await pass(1, JSON.parse(JSON.stringify(second.state())))).toEqual(['b', 'a']);
});
