import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VisionItem } from '../types.ts';
import { wrongImages } from './wrong-images.ts';

const item = (id: number, type: string, answer: string): VisionItem => ({
  id: String(id),
  task: 'open-vqa',
  split: 'new-scene',
  type,
  question: '?',
  target: { kind: 'answers', answers: [answer] },
});

describe('wrongImages', () => {
  const sets = fc
    .array(fc.tuple(fc.constantFrom('name', 'colour'), fc.constantFrom('a', 'b', 'c')), { minLength: 2, maxLength: 40 })
    .map((draws) => draws.map(([type, answer], i) => item(i, type, answer)));

  it('is a derangement that keeps question types together where it can', () => {
    fc.assert(
      fc.property(sets, fc.integer(), (items, seed) => {
        const chosen = wrongImages(items, seed);
        expect([...chosen].sort((a, b) => a - b)).toEqual(items.map((_, i) => i));
        chosen.forEach((other, i) => {
          expect(other).not.toBe(i);
        });
        const sizes = (type: string): number => items.filter((one) => one.type === type).length;
        if (sizes('name') !== 1 && sizes('colour') !== 1)
          chosen.forEach((other, i) => {
            expect(items[other]!.type).toBe(items[i]!.type);
          });
      }),
    );
  });

  it('shows as few pictures of the same truth as can be', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 2, maxLength: 40 }), (answers) => {
        const items = answers.map((answer, i) => item(i, 'name', answer));
        const same = wrongImages(items, 0).filter((other, i) => answers[other] === answers[i]).length;
        const largest = Math.max(...['a', 'b', 'c'].map((one) => answers.filter((answer) => answer === one).length));
        expect(same).toBe(Math.max(0, 2 * largest - answers.length));
      }),
    );
  });

  it('never shows the own picture where several questions are about one', () => {
    const asked = fc
      .array(fc.tuple(fc.constantFrom('name', 'colour'), fc.constantFrom('a', 'b'), fc.constantFrom(0, 1, 2, 3)), {
        minLength: 2,
        maxLength: 40,
      })
      .map((draws) => ({
        items: draws.map(([type, answer], i) => item(i, type, answer)),
        pictures: draws.map(([, , picture]) => `${picture}.jpg`),
      }));
    fc.assert(
      fc.property(asked, ({ items, pictures }) => {
        const most = Math.max(...pictures.map((picture) => pictures.filter((other) => other === picture).length));
        if (most === items.length) {
          expect(() => wrongImages(items, 0, pictures)).toThrow(expect.objectContaining({ code: 'NO_OTHER_IMAGE' }));
          return;
        }
        const chosen = wrongImages(items, 0, pictures);
        if (2 * most <= items.length) expect([...chosen].sort((a, b) => a - b)).toEqual(items.map((_, i) => i));
        chosen.forEach((other, i) => {
          expect(pictures[other]).not.toBe(pictures[i]);
        });
      }),
    );
  });

  it('gives the same pairs whether each has a picture of its own or none is told apart', () => {
    fc.assert(
      fc.property(sets, (items) => {
        const own = wrongImages(items, 0);
        expect(
          wrongImages(
            items,
            0,
            items.map(({ id }) => id),
          ),
        ).toEqual(own);
        expect(
          wrongImages(
            items,
            0,
            items.map(() => undefined),
          ),
        ).toEqual(own);
      }),
    );
  });

  it('follows the seed', () => {
    const items = Array.from({ length: 30 }, (_, i) => item(i, 'name', 'abc'[i % 3]!));
    expect(wrongImages(items, 1)).toEqual(wrongImages(items, 1));
    expect(wrongImages(items, 1)).not.toEqual(wrongImages(items, 2));
  });
});
