import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arraySource, collect, filterSource, limitSource, mapSource, namedSource, repeatSource } from './sources.ts';
import type { OpenSource } from './training-item.ts';

const numbers = arraySource(Array.from({ length: 12 }, (_, i) => i));
const later = <T>(value: T, turns: number): Promise<T> =>
  turns === 0 ? Promise.resolve(value) : Promise.resolve().then(() => later(value, turns - 1));

/** Stopping after every number of items and reopening from the JSON of the state gives what was left. */
async function expectResumable<T>(open: OpenSource<T>): Promise<T[]> {
  const all = await collect(await open());
  for (let cut = 0; cut <= all.length; cut++) {
    const first = await open();
    for (let i = 0; i < cut; i++) await first.next();
    const state = JSON.parse(JSON.stringify(first.state()));
    expect(await collect(await open(state))).toEqual(all.slice(cut));
  }
  return all;
}

describe('every helper keeps the place', () => {
  it('map, also with items finished out of order ahead of time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(6), { minLength: 12, maxLength: 12 }),
        async (ahead, turns) => {
          const all = await expectResumable(mapSource(numbers, (n) => later(n * n, turns[n]!), { ahead }));
          expect(all).toEqual(Array.from({ length: 12 }, (_, i) => i * i));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('filter, with counts that survive', async () => {
    const open = filterSource(numbers, (n) => (n % 3 === 0 ? 'multiple of three' : n === 7 ? 'seven' : true));
    expect(await expectResumable(open)).toEqual([1, 2, 4, 5, 8, 10, 11]);
    const first = await open();
    await first.next();
    await first.next();
    const seen: string[] = [];
    const second = await filterSource(
      numbers,
      (n) => (n % 3 === 0 ? 'multiple of three' : true),
      (n, reason, counts) => seen.push(`${n} ${reason} ${counts[reason]}`),
    )(first.state());
    await collect(second);
    expect(seen).toEqual(['3 multiple of three 2', '6 multiple of three 3', '9 multiple of three 4']);
    expect(second.state()).toMatchObject({ skipped: { 'multiple of three': 4 } });
  });

  it('limit ends with the item that crosses it', async () => {
    expect(await expectResumable(limitSource(numbers, { max: 10, cost: (n) => n }))).toEqual([0, 1, 2, 3, 4]);
  });

  it('repeat', async () => {
    expect(await expectResumable(repeatSource(arraySource(['a', 'b']), 3))).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  });

  it('repeat tells which pass it is, also after reopening in the middle of one', async () => {
    const open: OpenSource<string> = (state, pass) =>
      arraySource(['a', 'b'].map((letter) => letter + pass!.epoch))(state);
    expect(
      await expectResumable(
        repeatSource(
          mapSource(open, (item) => item, { ahead: 2 }),
          2,
        ),
      ),
    ).toEqual(['a0', 'b0', 'a1', 'b1']);
  });

  it('all of them together', async () => {
    const open = limitSource(
      filterSource(
        mapSource(repeatSource(numbers, 2), (n) => n + 1, { ahead: 3 }),
        (n) => n % 2 === 0 || 'odd',
      ),
      {
        max: 50,
        cost: (n) => n,
      },
    );
    expect(await expectResumable(open)).toEqual([2, 4, 6, 8, 10, 12, 2, 4, 6]);
  });

  it('name', async () => {
    const item = { id: 'x', tokens: new Int32Array([1]), loss: new Uint8Array([1]) };
    expect(await expectResumable(namedSource('text', arraySource([item])))).toEqual([{ source: 'text', item }]);
  });
});

describe('calls made at once', () => {
  const slowFirst = (n: number) => later(n, n === 0 ? 30 : 1);
  const helpers: [string, OpenSource<number>][] = [
    ['map', mapSource(numbers, slowFirst)],
    ['map ahead', mapSource(numbers, slowFirst, { ahead: 3 })],
    ['filter', filterSource(mapSource(numbers, slowFirst), (n) => n % 2 === 0 || 'odd')],
    ['limit', limitSource(mapSource(numbers, slowFirst), { max: 20, cost: (n) => n })],
    ['repeat', repeatSource(mapSource(arraySource([0, 1]), slowFirst), 3)],
  ];
  it.each(helpers)('%s gives what calls one after another give', async (_, open) => {
    const expected = await collect(await open());
    const iterator = await open();
    const results = await Promise.all(Array.from({ length: 13 }, () => iterator.next()));
    expect(results.flatMap(({ done, value }) => (done ? [] : [value]))).toEqual(expected);
  });
});

describe('errors', () => {
  it.each<[string, (whole: (n: number) => number) => OpenSource<number>]>([
    ['map', (whole) => mapSource(numbers, whole, { ahead: 2 })],
    ['filter', (whole) => filterSource(numbers, (n) => whole(n) >= 0 || 'negative')],
    ['limit', (whole) => limitSource(numbers, { max: 99, cost: whole })],
    ['repeat', (whole) => repeatSource(mapSource(numbers, whole), 2)],
  ])('%s stays where it was before a step that failed, and fails from then on', async (_, open) => {
    let isBroken = true;
    const source = open((n) => {
      if (isBroken && n === 2) throw new Error('EIO');
      return n;
    });
    const iterator = await source();
    await iterator.next();
    await iterator.next();
    await expect(iterator.next()).rejects.toThrow('EIO');
    isBroken = false;
    await expect(iterator.next()).rejects.toThrow('EIO');
    await iterator.return?.();
    expect((await (await source(iterator.state())).next()).value).toBe(2);
  });

  it('a failing map is reported in its turn, the items before it are not lost', async () => {
    const iterator = await mapSource(
      numbers,
      (n) => {
        if (n === 2) throw new Error('broken picture');
        return n;
      },
      { ahead: 4 },
    )();
    expect((await iterator.next()).value).toBe(0);
    expect((await iterator.next()).value).toBe(1);
    await expect(iterator.next()).rejects.toThrow('broken picture');
  });

  it('a pass without an item ends a repeated source with an error, not with empty passes for ever', async () => {
    for (const open of [arraySource([]), filterSource(numbers, () => 'not wanted')]) {
      const iterator = await repeatSource<unknown>(open, 999)();
      await expect(iterator.next()).rejects.toMatchObject({
        code: 'data-exhausted',
        message: expect.stringContaining('none in pass 0 of 999'),
      });
    }
    const gone = await repeatSource<number>((state, pass) => arraySource(pass!.epoch === 0 ? [1] : [])(state), 999)();
    await gone.next();
    await expect(gone.next()).rejects.toThrow(/none in pass 1 of 999/);
    expect(await collect(await repeatSource(arraySource([]), 1)())).toEqual([]);
    const read = await repeatSource(numbers, 2)();
    for (let i = 0; i < 12; i++) await read.next();
    expect(await collect(await repeatSource(numbers, 2)(read.state()))).toHaveLength(12);
  });

  it('options and states that make no sense', async () => {
    expect(() => mapSource(numbers, (n) => n, { ahead: 0 })).toThrow(/ahead to be an integer of at least 1, got 0/);
    expect(() => limitSource(numbers, { max: Number.NaN, cost: () => 1 })).toThrow(/got NaN/);
    for (const cost of [() => Number.NaN, () => -1, () => undefined as never]) {
      const limited = await limitSource(numbers, { max: 5, cost })();
      await expect(limited.next()).rejects.toThrow(/cost to give a number of at least 0, got/);
    }
    expect(() => repeatSource(numbers, 0)).toThrow(/got 0/);
    expect(() => numbers({ index: 13 })).toThrow(/from 0 to 12, got \{"index":13\}/);
  });
});
