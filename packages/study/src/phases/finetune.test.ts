import { arraySource, collect, type OpenSource, type TrainingItem } from '@vlm/trainer';
import { expect, it } from 'vitest';
import { conversationsOf } from './finetune.ts';

const ids = ['a', 'b', 'c', 'd', 'e'];
const itemsOf = (keys: readonly string[]) =>
  keys.map((id): TrainingItem => ({ id, tokens: Int32Array.of(1), loss: Uint8Array.of(1) }));
/** Every other pass from the end. */
const read =
  (only: (key: string) => boolean = () => true): OpenSource<TrainingItem> =>
  (state, pass) => {
    const order = pass?.epoch ? ids.toReversed() : ids;
    return arraySource(itemsOf(order.filter(only)))(state, pass);
  };
const pass = async (open: OpenSource<TrainingItem>, epoch: number, state?: unknown): Promise<string> =>
  (await collect(await open(state, { epoch }))).map(({ id }) => id).join('');

it('gives in later passes, whose order is another, the conversations of the first', async () => {
  const open = conversationsOf({ conversations: 3, reshuffle: true }, read, new Set(['a', 'b', 'c']));
  expect(await pass(open, 0)).toBe('abc');
  expect(await pass(open, 1)).toBe('cba');
  expect(await pass(open, 2)).toBe('cba');

  const second = await open(undefined, { epoch: 1 });
  await second.next();
  expect(await pass(open, 1, JSON.parse(JSON.stringify(second.state())))).toBe('ba');
});

it('gives all of them where none is left out', async () => {
  const open = conversationsOf({ reshuffle: true }, read, new Set(ids));
  expect(await pass(open, 0)).toBe('abcde');
  expect(await pass(open, 1)).toBe('edcba');
});
