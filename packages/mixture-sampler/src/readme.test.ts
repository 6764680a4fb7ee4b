import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMixture, fromArray, type MixtureSource } from './index.ts';

it('the example of the README is the one that runs here', async () => {
  // #region readme
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
  // #endregion readme

  const { delivered } = mixture.state();
  const total = delivered['text']! + delivered['captions']!;
  expect(Math.abs(delivered['text']! - 0.8 * total)).toBeLessThanOrEqual(5);
  expect(await resumed.next()).toEqual(await mixture.next());

  const own = readFileSync(import.meta.filename, 'utf8');
  const code = own.slice(own.indexOf('// #region readme\n') + 18, own.indexOf('  // #endregion readme'));
  expect(readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')).toContain(code.replaceAll(/^ {2}/gm, ''));
});
