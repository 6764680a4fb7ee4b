import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anls } from './anls.ts';
import { bleu } from './bleu.ts';
import { boxIou } from './box-iou.ts';
import { captionWords } from './caption-words.ts';
import { ciderD } from './cider-d.ts';
import { dclmCore } from './dclm-core.ts';
import { gqaExactMatch } from './exact-match.ts';
import { objectFinder, objectScores } from './object-f1.ts';
import { parseBox } from './parse-box.ts';
import { popeScore } from './pope.ts';
import { pythonRound2 } from './python-text.ts';
import { rougeL } from './rouge-l.ts';
import { stableScore, textStableTasks, visionStableTasks } from './stable-score.ts';
import { vqaAccuracy } from './vqa-accuracy.ts';
import { fixedAnswer } from './vqa-normalise.ts';
import { parseYesNo, yesNoMetrics } from './yes-no.ts';

describe('VQA accuracy, fixed', () => {
  it('treats both sides alike', () => {
    expect(vqaAccuracy('t-shirt', ['T-shirt!'])).toBe(1);
    expect(vqaAccuracy('two', ['2'])).toBe(1);
    expect(vqaAccuracy('1,000', ['1000'])).toBe(1);
    expect(vqaAccuracy("somebody'd", ['somebodyd'], { mode: 'fixed' })).toBe(0);
    const ten = (yes: number): string[] => Array.from({ length: 10 }, (_, i) => (i < yes ? 'yes!' : 'no'));
    expect(vqaAccuracy('yes', ten(10))).toBe(1);
    expect(vqaAccuracy('yes', ten(2))).toBeCloseTo(0.6, 12);
    expect(vqaAccuracy('yes', ten(10), { mode: 'official' })).toBe(0); // "yes!" stays "yes " there
  });

  it('takes few answers for alternatives, and none for an error', () => {
    expect(vqaAccuracy('halt', ['stop', 'halt'])).toBe(1);
    expect(vqaAccuracy('go', ['stop', 'halt'])).toBe(0);
    expect(() => vqaAccuracy('go', [])).toThrow(expect.objectContaining({ code: 'EMPTY_SET' }));
  });

  it('normalises once and for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const once = fixedAnswer(text);
        // A repaired contraction may turn up only after an article went; words themselves are stable.
        expect(fixedAnswer(once).split(' ').length).toBeLessThanOrEqual(once.split(' ').length);
        expect(once).toBe(once.trim());
      }),
    );
  });
});

describe('boxes', () => {
  const box = fc
    .tuple(
      fc.integer({ min: 0, max: 98 }),
      fc.integer({ min: 0, max: 98 }),
      fc.integer({ min: 1, max: 99 }),
      fc.integer({ min: 1, max: 99 }),
    )
    .map(
      ([x, y, w, h]) =>
        [x, y, Math.min(100, x + w), Math.min(100, y + h)].map((v) => v / 100) as [number, number, number, number],
    );

  it('IoU is symmetric, 1 for the same box, within 0 and 1', () => {
    fc.assert(
      fc.property(box, box, (a, b) => {
        expect(boxIou(a, a)).toBeCloseTo(1, 12);
        expect(boxIou(a, b)).toBeCloseTo(boxIou(b, a), 12);
        expect(boxIou(a, b)).toBeGreaterThanOrEqual(0);
        expect(boxIou(a, b)).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it('read back what was written', () => {
    fc.assert(
      fc.property(box, (a) => {
        expect(parseBox(`[${a.join(', ')}]`)).toEqual(a);
      }),
    );
  });

  it('never fail on any text', () => {
    const letters = fc.string({
      unit: fc.constantFrom(...'[](),. \n\t\\#-+01_exXo5TrueFalse'.split('')),
      maxLength: 60,
    });
    fc.assert(
      fc.property(letters, (text) => {
        expect(parseBox(text)?.length ?? 4).toBe(4);
      }),
    );
    expect(parseBox('['.repeat(1e5))).toBeUndefined();
    expect(parseBox('('.repeat(1e5))).toBeUndefined();
    expect(parseBox(`[${'-'.repeat(1e5)}1]`)).toBeUndefined();
  });
});

describe('captions', () => {
  it('as words', () => {
    expect(captionWords("  Two CATS, a t-shirt; the dog's bone. ")).toBe("two cats a t-shirt the dog's bone");
  });

  it('are checked before they are scored', () => {
    for (const metric of [ciderD, bleu, rougeL]) {
      expect(() => metric([], [])).toThrow(expect.objectContaining({ code: 'EMPTY_SET' }));
      expect(() => metric(['a'], [])).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
      expect(() => metric(['a'], [[]])).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
    }
  });

  it('name objects: longest name first, plurals, names that look like plurals', () => {
    const find = objectFinder([
      'bear',
      'polar bear',
      'berry',
      'mouse',
      'bus',
      'glasses',
      'glass',
      'wolf',
      'box',
      'e-mail',
    ]);
    expect([...find('Two polar bears and a bear.')]).toEqual(['polar bear', 'bear']);
    expect([...find('Berries, mice, wolves, boxes and an e-mail on a bus.')]).toEqual([
      'berry',
      'mouse',
      'wolf',
      'box',
      'e-mail',
      'bus',
    ]);
    expect([...find('Glasses.')]).toEqual(['glasses']);
    expect([...find('A bearing.')]).toEqual([]);
  });

  it('score by objects', () => {
    expect(objectScores(new Set(['cat', 'dog']), ['cat'])).toEqual({ precision: 0.5, recall: 1, f1: 2 / 3 });
    expect(objectScores(new Set(), ['cat'])).toEqual({ precision: 0, recall: 0, f1: 0 });
    expect(() => objectScores(new Set(), [])).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
  });
});

describe('yes and no', () => {
  it('are first words', () => {
    expect(['Yes.', ' no, never', '"Yes"', 'yesterday', 'I say yes', ''].map(parseYesNo)).toEqual([
      'yes',
      'no',
      'yes',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('have POPE’s metrics', () => {
    const answer = (
      said: 'yes' | 'no' | undefined,
      truth: 'yes' | 'no',
    ): { said: 'yes' | 'no' | undefined; truth: 'yes' | 'no' } => ({ said, truth });
    expect(
      yesNoMetrics([answer('yes', 'yes'), answer('yes', 'no'), answer('no', 'yes'), answer(undefined, 'no')]),
    ).toEqual({ n: 4, accuracy: 0.25, precision: 0.5, recall: 0.5, f1: 0.5, shareOfYes: 0.5 });
    expect(yesNoMetrics([answer('no', 'no')])).toMatchObject({ precision: 0, recall: 0, f1: 0, shareOfYes: 0 });
    expect(() => yesNoMetrics([])).toThrow(expect.objectContaining({ code: 'EMPTY_SET' }));
  });

  it('need probabilities and known splits', () => {
    const example = { split: 'random' as const, yes: 0.5, no: 0.5, label: 'yes' as const };
    expect(() => popeScore([{ ...example, yes: Number.NaN }])).toThrow(
      expect.objectContaining({ code: 'INVALID_ITEM' }),
    );
    expect(() => popeScore([{ ...example, split: 'rare' as 'random' }])).toThrow(
      expect.objectContaining({ code: 'INVALID_ITEM' }),
    );
  });
});

it('ANLS forgives few wrong letters', () => {
  expect(anls('STOQ ', ['halt', 'stop'])).toBe(0.75);
  expect(anls('xx', ['stop'])).toBe(0);
  expect(anls('', [''])).toBe(1);
  expect(() => anls('a', [])).toThrow(expect.objectContaining({ code: 'EMPTY_SET' }));
});

it('rounds as Python does', () => {
  // CPython 3.11: [round(x, 2) for x in …]
  expect([0.125, 0.375, 0.625, -0.125, 2.675, 1.005, 3.125, 0.12].map(pythonRound2)).toEqual([
    0.12, 0.38, 0.62, -0.12, 2.67, 1, 3.12, 0.12,
  ]);
});

it('GQA lets a hyphen match where both sides are treated alike', () => {
  expect(gqaExactMatch('T-Shirt', 't-shirt')).toBe(0);
  expect(gqaExactMatch('T-Shirt.', 't-shirt', 'fixed')).toBe(1);
});

describe('aggregates', () => {
  it('give no score while a task is missing, and name it', () => {
    const all = Object.fromEntries(textStableTasks.map(({ task, chance }) => [task, chance + 0.1]));
    expect(stableScore(all, textStableTasks)).toMatchObject({ score: expect.closeTo(0.1, 12), missing: [] });
    for (const { task } of textStableTasks) {
      const { [task]: _, ...rest } = all;
      const got = stableScore(rest, textStableTasks);
      expect(got).not.toHaveProperty('score');
      expect(got.missing).toEqual([task]);
    }
    expect(stableScore({}, visionStableTasks)).toEqual({
      missing: visionStableTasks.map(({ task }) => task),
      perTask: {},
    });
  });

  it('refuse percent where shares are meant', () => {
    expect(() => stableScore({ pope: 87 }, visionStableTasks)).toThrow(/pope.*is it in percent/);
    expect(() => dclmCore({ copa: 75 })).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
  });
});
