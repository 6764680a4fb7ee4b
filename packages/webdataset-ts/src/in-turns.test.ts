import { expect, it } from 'vitest';
import { inTurns } from './in-turns.ts';

it('a call begins when the one before has ended', async () => {
  const events: string[] = [];
  let count = 0;
  const { call, settled } = inTurns(async () => {
    const mine = count++;
    events.push(`begin ${mine}`);
    await new Promise((resolve) => setTimeout(resolve, 3 - mine));
    events.push(`end ${mine}`);
    return mine;
  });
  expect(await Promise.all([call(), call(), call()])).toEqual([0, 1, 2]);
  expect(events).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 2', 'end 2']);
  await settled();
});

it('a call that failed fails those behind it, and settled does not throw', async () => {
  let count = 0;
  const { call, settled } = inTurns(async () => {
    if (count++ === 1) throw new Error('second');
    return count;
  });
  const results = await Promise.allSettled([call(), call(), call()]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(count).toBe(2);
  await settled();
});
