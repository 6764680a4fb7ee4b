import { createRandom } from './random.ts';
import type { SplitDocument } from './text-documents.ts';
import { readCountries } from './text-sources.ts';
import type { Conversation } from './types.ts';

/** Question and answer without a picture. */
interface Fact {
  question: string;
  answer: string;
}

/**
 * Conversations without pictures: definitions from WordNet and capitals of countries, of training documents only.
 * @param count rows
 */
export function textConversations(documents: readonly SplitDocument[], count: number, seed: number): Conversation[] {
  const random = createRandom(`${seed}/text-conversations`);
  const train = documents.filter((document) => document.split === 'train');
  const known = train
    .flatMap((document) => document.synsets ?? [])
    .filter((synset) => /^[a-z]{3,}$/.test(synset.words[0]!) && synset.gloss.length < 90);
  const names = new Set(train.filter((document) => document.source === 'countries').map((document) => document.title));
  const countries = readCountries().filter((country) => country.capital?.[0] && names.has(country.name.common));
  const factOf = (): Fact => {
    if (known.length === 0 || (countries.length > 0 && random.chance(0.15))) {
      const country = random.pick(countries);
      return { question: `What is the capital of ${country.name.common}?`, answer: country.capital![0]! };
    }
    const synset = random.pick(known);
    const word = synset.words[0]!;
    return random.chance(0.5)
      ? { question: `What does the word ${word} mean?`, answer: synset.gloss }
      : { question: `Which word means "${synset.gloss}"?`, answer: word };
  };
  if (known.length + countries.length === 0) return [];
  return Array.from({ length: count }, (_, i) => ({
    id: `text-${String(i).padStart(6, '0')}`,
    conversations: Array.from({ length: 1 + random.int(3) }, factOf).flatMap(({ question, answer }) => [
      { from: 'human' as const, value: question },
      { from: 'gpt' as const, value: answer },
    ]),
  }));
}
