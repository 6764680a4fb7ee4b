import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oracleModel } from '../running/known-models.ts';
import { runVision } from '../running/run-vision.ts';
import { gqaExactMatch } from '../scoring/exact-match.ts';
import { textVqaAccuracy } from '../scoring/textvqa.ts';
import { vizwizAccuracy } from '../scoring/vizwiz.ts';
import { vqaAccuracy } from '../scoring/vqa-accuracy.ts';
import { fixedAnswer } from '../scoring/vqa-normalise.ts';
import type { VisionItem } from '../types.ts';
import { chanceScores, majorityAnswer } from './baselines.ts';
import { answerScore, type Scoring } from './score-outputs.ts';

const rules = ['vqa-v2', 'gqa', 'text-vqa', 'vizwiz', 'anls'] as const;
const scorings = rules.flatMap((answers): Scoring[] => [{ answers }, { answers, mode: 'official' }]);
/** With the accidents of the rules: marks, articles, numbers, contractions. */
const words = fc.constantFrom(
  'red',
  'Red',
  'the red',
  'red!',
  't-shirt',
  't shirt',
  'two',
  '2',
  "he's",
  'hes',
  'a',
  '',
);
const tenAnswers = fc.array(words, { minLength: 10, maxLength: 10 });

const item = (answers: readonly string[], i = 0): VisionItem => ({
  id: `q${i}`,
  task: 'open-vqa',
  split: 'val',
  type: 'other',
  question: 'What?',
  target: { kind: 'answers', answers: [...answers] },
});

it.each(scorings)('an answer is worth what the accuracy of its rule says: %j', (scoring) => {
  fc.assert(
    fc.property(words, tenAnswers, (text, answers) => {
      const { mode = 'fixed' } = scoring;
      const official = { 'text-vqa': textVqaAccuracy, vizwiz: vizwizAccuracy }[scoring.answers as string];
      if (scoring.answers === 'gqa')
        expect(answerScore(text, answers, scoring)).toBe(
          Math.max(...answers.map((gold) => gqaExactMatch(text, gold, mode))),
        );
      else if (scoring.answers !== 'anls')
        expect(answerScore(text, answers, scoring)).toBe(
          mode === 'official' && official ? official(text, answers) : vqaAccuracy(text, answers, { mode }),
        );
    }),
  );
});

describe('chance', () => {
  it.each(scorings)('is the mean over all answers that occur, to the last bit: %j', (scoring) => {
    fc.assert(
      fc.property(fc.array(tenAnswers, { minLength: 1, maxLength: 8 }), (sets) => {
        const all = [...new Map(sets.flat().map((answer) => [fixedAnswer(answer), answer])).values()];
        const expected = sets.map((own) => {
          let sum = 0;
          for (const answer of all) sum += answerScore(answer, own, scoring);
          return sum / all.length;
        });
        expect(chanceScores(sets.map(item), scoring)).toEqual(expected);
      }),
    );
  });

  it('of single answers is one in as many as occur', () => {
    const items = ['red', 'Red.', 'blue', 'green'].map((answer, i) => item([answer], i));
    expect(chanceScores(items)).toEqual(new Array(4).fill(1 / 3));
  });

  it('is found in seconds for as many questions as VQAv2 has of one kind', async () => {
    const items = Array.from({ length: 20_000 }, (_, i) =>
      item(
        Array.from({ length: 10 }, (_, k) => (k < 6 ? `thing ${i % 9000}` : `other ${(7 * i + k) % 30_000}`)),
        i,
      ),
    );
    const image = ({ id }: VisionItem): string => id;
    const rows = await runVision(oracleModel(items), items, { image, conditions: ['wrong-image'] });
    expect(rows).toHaveLength(40_000);
    expect(rows[0]!.chance).toBeCloseTo((1 + 4 * 0.3) / 39_000, 6);
  }, 60_000);
});

it('what is expected is what most annotators say, and the oracle says it', async () => {
  const answers = ['grey', ...new Array<string>(3).fill('Red.'), ...new Array<string>(6).fill('red')];
  const items = [item(answers, 0), item(['grey'], 1), item(['sofa', 'couch'], 2)];
  const image = ({ id }: VisionItem): string => id;
  const rows = await runVision(oracleModel(items), items, { image, conditions: ['image'] });
  expect(rows.slice(0, 3).map(({ expected, output, score }) => [expected, output, score])).toEqual([
    ['Red.', 'Red.', 1],
    ['grey', 'grey', 1],
    ['sofa', 'sofa', 1],
  ]);
});

describe('the best constant answer', () => {
  const best = (sets: readonly (readonly string[])[], scoring: Scoring = {}): string =>
    majorityAnswer(
      sets.map((answers) => ({ kind: 'answers', answers: [...answers] })),
      scoring,
    );

  it('is the one that earns most, not the one that somebody gave most often', () => {
    const red = new Array<string>(10).fill('red');
    const others = ['pen', 'cup', 'hat'].map((other) => [...new Array<string>(9).fill(other), 'blue']);
    expect(best([red, red, ...others])).toBe('red');
  });

  it.each(scorings.filter(({ answers }) => answers !== 'anls'))('earns what no answer exceeds: %j', (scoring) => {
    fc.assert(
      fc.property(fc.array(tenAnswers, { minLength: 1, maxLength: 8 }), (sets) => {
        const earned = (answer: string): number =>
          sets.reduce((sum, own) => sum + answerScore(answer, own, scoring), 0);
        expect(earned(best(sets, scoring))).toBeCloseTo(Math.max(...sets.flat().map(earned)), 9);
      }),
    );
  });

  it('of single answers is the most frequent, the first in code-unit order among equals', () => {
    fc.assert(
      fc.property(fc.array(words, { minLength: 1, maxLength: 30 }), (answers) => {
        const first = new Map<string, string>();
        const counts = new Map<string, number>();
        for (const answer of answers) {
          const form = fixedAnswer(answer);
          if (!first.has(form)) first.set(form, answer);
          counts.set(first.get(form)!, (counts.get(first.get(form)!) ?? 0) + 1);
        }
        const [expected] = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
        const sets = answers.map((answer) => [answer]);
        for (const rule of rules) expect(best(sets, { answers: rule })).toBe(expected![0]);
      }),
    );
  });
});
