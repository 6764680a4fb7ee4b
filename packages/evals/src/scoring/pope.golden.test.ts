import { expect, it } from 'vitest';
import { close, goldenCases } from '../testing/golden.ts';
import { type PopeExample, popeScore, popeSplits } from './pope.ts';

interface Example {
  split: PopeExample['split'];
  p: number[];
  label: 'yes' | 'no';
}

// Where the reference stumbles over a third probability, this signature has no place for one.
const cases = goldenCases<{ examples: Example[] }, Record<string, number | string | object>>('pope_corpus').filter(
  ({ input }) => input.examples.every(({ p }) => p.length === 2),
);

it.each(cases)('POPE as the reference scores it: $id $kind', ({ input, expected }) => {
  const examples = input.examples.map(({ split, p: [yes, no], label }) => ({ split, yes: yes!, no: no!, label }));
  if ('exception' in expected) {
    expect(() => popeScore(examples)).toThrow(
      expect.objectContaining({ code: expect.stringMatching('MISSING_SPLIT|INVALID_ITEM') }),
    );
    return;
  }
  const score = popeScore(examples);
  const got: Record<string, number> = {
    'POPE-final-Accuracy': score.accuracy,
    'POPE-final-AUCROC': score.aucRoc,
    'POPE-final-AUCPR': score.aucPr,
  };
  for (const split of popeSplits) {
    got[`POPE-${split}-Accuracy`] = score.bySplit[split].accuracy;
    got[`POPE-${split}-AUCROC`] = score.bySplit[split].aucRoc;
    got[`POPE-${split}-AUCPR`] = score.bySplit[split].aucPr;
  }
  expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
  const wrong = Object.entries(expected).filter(([name, value]) =>
    value === 'NaN' ? !Number.isNaN(got[name]) : !close(got[name], value),
  );
  expect(wrong.map(([name, value]) => [name, value, got[name]])).toEqual([]);
});
