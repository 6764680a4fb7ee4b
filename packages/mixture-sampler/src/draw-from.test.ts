import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { permuted } from './draw-from.ts';
import { createMixture, drawFrom, MixtureError } from './index.ts';
import { take } from './testing/plans.ts';

const letters = [...'abcdefghij'];

describe('without replacement', () => {
  it('gives every item once a pass, in another order each, for any length and seed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.maxSafeInteger(),
        fc.nat(1000),
        async (length, seed, epoch) => {
          const items = Array.from({ length }, (_, i) => i);
          const pass = await take(drawFrom(items, { seed, replacement: false })(undefined, { epoch }), length + 1);
          expect([...pass].sort((a, b) => a - b)).toEqual(items);
        },
      ),
    );
    const open = drawFrom(letters, { seed: 7, replacement: false });
    const passes = await Promise.all([0, 1, 2].map((epoch) => take(open(undefined, { epoch }), 20)));
    expect(new Set(passes.map((pass) => pass.join(''))).size).toBe(3);
  });

  it('puts every item at every place equally often, neighbours included', () => {
    for (const length of [3, 10, 17]) {
      const seeds = 6000;
      const places = Array.from({ length }, () => new Array<number>(length).fill(0));
      let neighbours = 0;
      for (let seed = 0; seed < seeds; seed++) {
        const order = Array.from({ length }, (_, place) => permuted(place, length, seed));
        for (const [place, item] of order.entries()) places[place]![item]!++;
        for (let i = 1; i < length; i++) if (order[i] === order[i - 1]! + 1) neighbours++;
      }
      const expected = seeds / length;
      const chiSquare = places.flat().reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
      const freedom = (length - 1) ** 2;
      expect(Math.abs(chiSquare - freedom)).toBeLessThan(5 * Math.sqrt(2 * freedom) + 5);
      const perOrder = (length - 1) / length; // expected number of ascending neighbours
      expect(Math.abs(neighbours / seeds - perOrder)).toBeLessThan(0.05);
    }
  });

  it('reaches any place of a large pass at once', async () => {
    const opened = drawFrom(
      { length: 10 ** 12, at: (i) => i },
      { seed: 1, replacement: false },
    )({ drawn: 10 ** 12 - 3 });
    const last = await take(opened, 9);
    expect(last).toHaveLength(3);
    for (const item of last) expect(item).toBeLessThan(10 ** 12);
  });
});

describe('with replacement', () => {
  it('draws evenly and never ends', async () => {
    const drawn = await take(drawFrom(letters, { seed: 3, replacement: true })(), 20_000);
    for (const letter of letters)
      expect(Math.abs(drawn.filter((one) => one === letter).length - 2000)).toBeLessThan(200);
    expect(new Set(drawn.slice(0, 10)).size).toBeLessThan(10);
  });

  it('ends at a limit of its source', async () => {
    const open = drawFrom(letters, { seed: 3, replacement: true });
    const sources = [
      { name: 'a', weight: 1, open, cost: () => 1, whenExhausted: 'stop' as const, limits: { items: 25 } },
    ];
    expect(await take(createMixture({ sources }), 100)).toHaveLength(25);
  });

  it('has no passes that a limit could count, and is refused with one', async () => {
    const mixture = (replacement: boolean) =>
      createMixture({
        sources: [
          {
            name: 'a',
            weight: 1,
            open: drawFrom(letters, { seed: 3, replacement }),
            cost: () => 1,
            whenExhausted: 'repeat',
            limits: { epochs: 2 },
            whenLimited: 'stop',
          },
        ],
      });
    expect(() => mixture(true)).toThrow(/"a": limits.epochs never ends draws with replacement.*limits.items/);
    expect(await take(mixture(false), 100)).toHaveLength(20);
  });
});

describe('both', () => {
  it('resume at any draw', async () => {
    for (const replacement of [true, false]) {
      const open = drawFrom(letters, { seed: 5, replacement });
      const whole = await take(open(undefined, { epoch: 2 }), 10);
      const first = open(undefined, { epoch: 2 });
      expect(await take(first, 4)).toEqual(whole.slice(0, 4));
      expect(await take(open(first.state(), { epoch: 2 }), 6)).toEqual(whole.slice(4));
    }
  });

  it('wait for items that come from a disk', async () => {
    const open = drawFrom({ length: 3, at: async (i) => letters[i] }, { seed: 5, replacement: false });
    expect((await take(open(), 9)).sort()).toEqual(['a', 'b', 'c']);
  });

  it('lose no item to a disk that fails, and take none that is not there', async () => {
    let fails = true;
    const at = async (i: number) => {
      if (i !== 2 || !fails) return letters[i];
      fails = false;
      throw new Error('the disk is gone');
    };
    const open = drawFrom({ length: 5, at }, { seed: 1, replacement: false });
    const [seen, first]: [string[], ReturnType<typeof open>] = [[], open()];
    await expect(async () => {
      for (;;) seen.push((await first.next()).value!);
    }).rejects.toThrow('the disk is gone');
    expect([...seen, ...(await take(open(first.state()), 9))].sort()).toEqual(letters.slice(0, 5));
    const short = drawFrom({ length: 5, at: (i) => letters.slice(0, 2)[i] }, { seed: 1, replacement: false })();
    await expect(take(short, 9)).rejects.toThrow(/expected item [234] of 5, got undefined/);
  });

  it.each([
    [{ seed: 0.5, replacement: true }, letters, /seed/],
    [{ seed: 1 }, letters, /replacement to be true or false, got undefined/],
    [{ seed: 1, replacement: true }, { length: -1, at: () => 1 }, /length, got -1/],
  ])('refuse %j', (options, items, message) => {
    expect(() => drawFrom(items as string[], options as never)).toThrow(message);
  });

  it.each([[{ drawn: 11 }], [{ drawn: -1 }], [null], [{}], ['x']])('refuse the state %j', (state) => {
    try {
      drawFrom(letters, { seed: 1, replacement: false })(state);
      expect.unreachable();
    } catch (error) {
      expect(MixtureError.isInstance(error) && error.code).toBe('invalid-state');
    }
  });

  it('an empty one is an empty source, not an endless loop', async () => {
    for (const replacement of [true, false]) {
      const open = drawFrom([], { seed: 1, replacement });
      const source = { name: 'a', weight: 1, open, cost: () => 1, whenExhausted: 'repeat' as const };
      await expect(createMixture({ sources: [source] }).next()).rejects.toMatchObject({ code: 'empty-source' });
    }
  });
});
