import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compare, type EvalModel, runVision, summarise, type VisionItem } from './index.ts';

it('the example of the README is the one that runs here', async () => {
  // #region readme
  const items: VisionItem[] = ['red', 'blue', 'red', 'green', 'blue', 'green', 'red', 'blue', 'green'].map(
    (colour, i) => ({
      id: `q${i}`,
      task: 'open-vqa',
      split: 'new-scene',
      type: 'colour',
      question: 'What colour is the ball?',
      target: { kind: 'answers', answers: [colour] },
    }),
  );

  // A picture is whatever the model understands: a key, a path, features. This one is shown the name of a file.
  const seeing: EvalModel<string> = {
    generate: async (prompts) => prompts.map(({ image }) => image?.replace('.png', '') ?? 'red'),
    logLikelihood: async () => [],
  };
  const blind: EvalModel<string> = { ...seeing, generate: async (prompts) => prompts.map(() => 'red') };

  const image = (item: VisionItem) => (item.target.kind === 'answers' ? `${item.target.answers[0]}.png` : undefined);
  const rows = await runVision(seeing, items, { image });
  const [line] = summarise(rows, { seed: 7 });
  // line: { task: 'open-vqa', split: 'all', type: 'all', condition: 'image', n: 9, score: { estimate: 1, low: 0.70, high: 1, … },
  //         chance: 0.33, majority: 0.33, majorityFrom: 'test', answers: { distinct: 3, … }, … }

  const withImage = (all: typeof rows) => all.filter((row) => row.condition === 'image');
  const result = compare(
    { name: 'seeing', runs: [withImage(rows)] },
    { name: 'blind', runs: [withImage(await runVision(blind, items, { image }))] },
    { seed: 7 },
  );
  // result.sentence: 'seeing better than blind by 0.667 [0.222, 1.000]'
  // #endregion readme

  expect(line).toMatchObject({
    task: 'open-vqa',
    split: 'all',
    type: 'all',
    condition: 'image',
    n: 9,
    majorityFrom: 'test',
  });
  expect(line!.score).toMatchObject({ estimate: 1, low: expect.closeTo(0.7, 2), high: 1 });
  expect([line!.chance, line!.majority]).toEqual([expect.closeTo(0.33, 2), expect.closeTo(0.33, 2)]);
  expect(result.sentence).toBe('seeing better than blind by 0.667 [0.222, 1.000]');

  const own = readFileSync(import.meta.filename, 'utf8');
  const code = own.slice(own.indexOf('// #region readme\n') + 18, own.indexOf('  // #endregion readme'));
  expect(readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')).toContain(code.replaceAll(/^ {2}/gm, ''));
});
