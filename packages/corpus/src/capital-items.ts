import { choice, draw, near, type WordCounts } from './choices.ts';
import type { Random } from './random.ts';
import type { SplitDocument } from './text-documents.ts';
import { readCountries } from './text-sources.ts';
import type { TextItem } from './types.ts';

/**
 * Capitals, in words that no document uses, among other capitals that training names about as often. Facts of held-out documents come
 * first (type `held-out`: chance unless something else tells it), then those that training documents state (`taught`).
 * @param most fewer come where the countries' documents are fewer
 */
export function capitalItems(
  documents: readonly SplitDocument[],
  counts: WordCounts,
  most: number,
  random: Random,
): TextItem[] {
  const splitOf = new Map(
    documents.filter(({ source }) => source === 'countries').map(({ title, split }) => [title, split] as const),
  );
  const known = readCountries().flatMap(({ name, capital }) => {
    const split = splitOf.get(name.common);
    return split && split !== 'validation' && capital?.[0]
      ? [{ country: name.common, capital: capital[0], taught: split === 'train' }]
      : [];
  });
  // The rarest word of a name is what has to be known.
  const frequency = (name: string): number =>
    Math.min(...[...name.toLowerCase().matchAll(/[a-z]+/g)].map(([word]) => counts.get(word) ?? 0));
  const items: TextItem[] = [];
  for (const { country, capital, taught } of random
    .shuffle(known)
    .sort((a, b) => Number(a.taught) - Number(b.taught))) {
    if (items.length >= most) break;
    if (country.includes(capital) || capital.includes(country)) continue;
    const others = draw(
      known,
      3,
      random,
      (other) => other.capital !== capital && near(frequency(other.capital), frequency(capital)),
      (other) => other.capital,
    );
    if (!others) continue;
    const context = `The capital city of the country ${country} is called`;
    const wrong = others.map((other) => ` ${other}.`);
    items.push(choice('capital', items.length, context, ` ${capital}.`, wrong, random, taught ? 'taught' : 'held-out'));
  }
  return items;
}
