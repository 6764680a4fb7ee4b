import { choice, draw, enough, near, type WordCounts } from './choices.ts';
import { groupBy } from './group-by.ts';
import { capitalise, withArticle } from './language.ts';
import type { Random } from './random.ts';
import type { SplitDocument } from './text-documents.ts';
import type { TextItem } from './types.ts';
import { readWordnet, type Synset } from './wordnet.ts';

/** One word of small letters: what the small vocabularies can say. */
const plain = /^[a-z]{3,}$/;

function heldOutSynsets(documents: readonly SplitDocument[], random: Random): Synset[] {
  return random.shuffle(
    documents.filter(({ split }) => split === 'test').flatMap((document) => document.synsets ?? []),
  );
}

/** All of WordNet by id: neighbours of a held-out meaning may lie anywhere. Read only where items are asked for. */
function allSynsets(): Map<string, Synset> {
  return new Map(readWordnet().map((synset) => [synset.id, synset]));
}

/** What a held-out noun is a kind of, among other kinds of about the same frequency that it is not. */
export function hypernymItems(
  documents: readonly SplitDocument[],
  counts: WordCounts,
  count: number,
  random: Random,
): TextItem[] {
  if (count === 0) return [];
  const byId = allSynsets();
  const kinds = [...new Set([...byId.values()].flatMap(({ pos, parents }) => (pos === 'noun' ? parents : [])))]
    .map((id) => byId.get(id))
    .filter(
      (synset) => synset !== undefined && plain.test(synset.words[0]!) && counts.has(synset.words[0]!),
    ) as Synset[];
  const items: TextItem[] = [];
  for (const synset of heldOutSynsets(documents, random)) {
    if (items.length >= count) break;
    const [word, parent] = [synset.words[0]!, byId.get(synset.parents[0] ?? '')?.words[0]];
    if (synset.pos !== 'noun' || !plain.test(word) || !parent || !plain.test(parent) || !counts.has(parent)) continue;
    if (word.includes(parent)) continue;
    const right = ancestors(synset, byId);
    const others = draw(
      kinds,
      3,
      random,
      (kind) => !right.has(kind.words[0]!) && near(counts.get(kind.words[0]!)!, counts.get(parent)!),
      (kind) => kind.words[0]!,
    );
    if (!others) continue;
    const context = `${capitalise(withArticle(word))} is a kind of`;
    items.push(
      choice(
        'hypernym',
        items.length,
        context,
        ` ${parent}.`,
        others.map((other) => ` ${other}.`),
        random,
      ),
    );
  }
  return enough('hypernym', items, count);
}

/** Every word for everything that a meaning is a kind of, itself included. */
function ancestors(synset: Synset, byId: ReadonlyMap<string, Synset>): Set<string> {
  const words = new Set(synset.words);
  const queue = [...synset.parents];
  const seen = new Set(queue);
  while (queue.length > 0) {
    const next = byId.get(queue.pop()!);
    if (!next) continue;
    for (const word of next.words) words.add(word);
    for (const id of next.parents)
      if (!seen.has(id)) {
        seen.add(id);
        queue.push(id);
      }
  }
  return words;
}

/** The opposite of a held-out word among its synonyms and words of similar meaning: nearness alone chooses wrongly. */
export function antonymItems(
  documents: readonly SplitDocument[],
  counts: WordCounts,
  count: number,
  random: Random,
): TextItem[] {
  if (count === 0) return [];
  const byId = allSynsets();
  const similarTo = groupBy([...byId.values()], (synset) => synset.parents[0] ?? '');
  const items: TextItem[] = [];
  const used = new Set<string>();
  for (const synset of heldOutSynsets(documents, random))
    for (const { word, synset: id, place } of synset.opposites) {
      const opposite = byId.get(id)?.words[place];
      if (items.length >= count || !opposite || used.has(word) || !plain.test(word) || !plain.test(opposite)) continue;
      const kin = [
        synset,
        ...synset.parents.flatMap((parent) => byId.get(parent) ?? []),
        ...(similarTo.get(synset.id) ?? []),
      ];
      const opposites = new Set(
        kin.flatMap((one) => one.opposites.map((other) => byId.get(other.synset)?.words[other.place])),
      );
      const close = [...new Set(kin.flatMap(({ words }) => words))].filter(
        (one) => one !== word && one !== opposite && plain.test(one) && !opposites.has(one),
      );
      // The best known first, so that the right answer is not told by being a word that was ever read.
      const known = close.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : 1)).slice(0, 3);
      if (known.length < 3) continue;
      used.add(word);
      const context = `The opposite of ${word} is`;
      items.push(
        choice(
          'antonym',
          items.length,
          context,
          ` ${opposite}.`,
          known.map((one) => ` ${one}.`),
          random,
        ),
      );
    }
  return enough('antonym', items, count);
}

/** The word that an example was given for, in its place; the others are of the same part of speech and about as frequent. */
export function clozeItems(
  documents: readonly SplitDocument[],
  counts: WordCounts,
  count: number,
  random: Random,
): TextItem[] {
  if (count === 0) return [];
  const usable = ({ words }: Synset): boolean => plain.test(words[0]!) && counts.has(words[0]!);
  const pools = groupBy(documents.flatMap(({ synsets }) => synsets ?? []).filter(usable), ({ pos }) => pos);
  const items: TextItem[] = [];
  const used = new Set<string>();
  for (const synset of heldOutSynsets(documents, random)) {
    if (items.length >= count) break;
    const found = clozeOf(synset, counts);
    if (!found || used.has(found.word)) continue;
    const { word, before, after } = found;
    const others = draw(
      pools.get(synset.pos)!,
      3,
      random,
      (other) => !synset.words.includes(other.words[0]!) && near(counts.get(other.words[0]!)!, counts.get(word)!),
      (other) => other.words[0]!,
    );
    if (!others) continue;
    used.add(word);
    const wrong = others.map((other) => ` ${other}${after}`);
    items.push(choice('example-cloze', items.length, capitalise(before), ` ${word}${after}`, wrong, random));
  }
  return enough('example-cloze', items, count);
}

/** The first example that says one of the words, not at its head. */
function clozeOf(
  { words, examples }: Synset,
  counts: WordCounts,
): { word: string; before: string; after: string } | undefined {
  for (const word of words.filter((one) => plain.test(one) && counts.has(one)))
    for (const example of examples) {
      const found = new RegExp(`^(\\S+(?: .+)?) ${word}\\b(.*)$`).exec(example);
      if (found) return { word, before: found[1]!, after: `${found[2]!.replace(/[.!?;,]+$/, '')}.` };
    }
  return undefined;
}
