import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMixture, drawFrom, fromArray, type MixtureSource, type MixtureState, takeTurns } from './index.ts';

const own = readFileSync(import.meta.filename, 'utf8');
const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

/** The README holds what stands between the marks of a region here. */
function expectInReadme(region: string): void {
  const start = `// #region ${region}\n`;
  const code = own.slice(own.indexOf(start) + start.length, own.indexOf(`  // #endregion ${region}`));
  expect(readme).toContain(code.replaceAll(/^ {2}/gm, ''));
}

const texts = ['a long document about foxes', 'another one about the sea', 'and one about bread'];
const captions = ['a fox', 'a boat', 'a loaf'];
const cost = (text: string) => text.split(' ').length;

it('mixes, saves and resumes', async () => {
  // #region mix
  const texts = ['a long document about foxes', 'another one about the sea', 'and one about bread'];
  const captions = ['a fox', 'a boat', 'a loaf'];
  const cost = (text: string) => text.split(' ').length; // words, here; tokens in earnest

  const sources: MixtureSource<string>[] = [
    { name: 'text', weight: 0.8, open: (state) => fromArray(texts, state), cost, whenExhausted: 'repeat' },
    { name: 'captions', weight: 0.2, open: (state) => fromArray(captions, state), cost, whenExhausted: 'repeat' },
  ];
  const mixture = createMixture({ sources });
  for (let i = 0; i < 1000; i++) await mixture.next(); // { value: { source: 'text', item: 'a long …', cost: 5 }, done: false }

  const saved = JSON.stringify(mixture.state()); // { version, delivered, items, epochs, sources, ended }
  const resumed = createMixture({ sources, state: JSON.parse(saved) });
  // #endregion mix

  const { delivered } = mixture.state();
  const total = delivered['text']! + delivered['captions']!;
  expect(Math.abs(delivered['text']! - 0.8 * total)).toBeLessThanOrEqual(5);
  expect(await resumed.next()).toEqual(await mixture.next());
  expectInReadme('mix');
});

it('limits a source', async () => {
  // #region limits
  const sources: MixtureSource<string>[] = [
    {
      name: 'captions',
      weight: 1,
      open: drawFrom(captions, { seed: 7, replacement: false }), // every pass another permutation
      cost,
      whenExhausted: 'repeat',
      limits: { epochs: 4 },
      whenLimited: 'renormalise',
    },
    { name: 'text', weight: 4, open: (state) => fromArray(texts, state), cost, whenExhausted: 'repeat' },
  ];
  const mixture = createMixture({ sources });
  for (let i = 0; i < 100; i++) await mixture.next();
  mixture.report().sources[0]; // { name: 'captions', target: 24, delivered: 24, behind: 0, …, items: 12, epochs: 4, ended: 'limit' }
  // #endregion limits

  expect(mixture.report().sources[0]).toMatchObject({
    name: 'captions',
    target: 24,
    delivered: 24,
    behind: 0,
    items: 12,
    epochs: 4,
    ended: 'limit',
  });
  expectInReadme('limits');
});

it('follows a schedule', async () => {
  const sources: MixtureSource<string>[] = [
    { name: 'text', open: (state) => fromArray(texts, state), cost, whenExhausted: 'repeat' },
    { name: 'captions', open: (state) => fromArray(captions, state), cost, whenExhausted: 'repeat' },
  ];
  // #region schedule
  const mixture = createMixture({
    sources, // without weights
    schedule: [
      { at: 0, weights: { text: 1, captions: 0 } }, // `at` counts the cost delivered in all
      { at: 1000, weights: { text: 1, captions: 0 } },
      { at: 3000, weights: { text: 0.8, captions: 0.2 }, ramp: 'cosine' }, // or 'linear', or 'step', the default
    ],
  });
  // #endregion schedule

  while (mixture.report().total < 3000) await mixture.next();
  const { sources: report } = mixture.report();
  expect(Math.abs(report[1]!.delivered - 200)).toBeLessThanOrEqual(5); // half of 20 % of 2,000
  expectInReadme('schedule');
});

it('reads in turns', async () => {
  const sources: MixtureSource<string>[] = [
    { name: 'text', weight: 1, open: (state) => fromArray(texts, state), cost, whenExhausted: 'repeat' },
  ];
  const state: MixtureState | undefined = undefined;
  // #region turns
  const readers = [0, 1, 2].map((rank) => takeTurns(createMixture({ sources, state }), { rank, world: 3 }));
  // #endregion turns

  expect((await Promise.all(readers.map((reader) => reader.next()))).map(({ value }) => value?.item)).toEqual(texts);
  expectInReadme('turns');
});
