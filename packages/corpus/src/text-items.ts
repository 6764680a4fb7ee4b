import { capitalItems } from './capital-items.ts';
import { choice, draw, enough, itemId, near, type WordCounts } from './choices.ts';
import { groupBy } from './group-by.ts';
import { minimalPairs } from './minimal-pairs.ts';
import { splitSentences } from './prose.ts';
import { createRandom, type Random } from './random.ts';
import type { CorpusSettings } from './settings.ts';
import type { SplitDocument } from './text-documents.ts';
import type { TextDocument, TextItem } from './types.ts';
import type { Synset } from './wordnet.ts';
import { definitionContext } from './wordnet-documents.ts';
import { antonymItems, clozeItems, hypernymItems } from './wordnet-items.ts';

/** Counts lower-case words of training documents. */
export function countWords(documents: readonly SplitDocument[]): WordCounts {
  const counts = new Map<string, number>();
  for (const document of documents) {
    if (document.split !== 'train') continue;
    for (const [word] of document.text.toLowerCase().matchAll(/[a-z]+/g)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** All text items. Every one comes from test documents, but for capitals, which say whether their fact was taught. */
export function textItems(
  documents: readonly SplitDocument[],
  settings: CorpusSettings,
): { documents: TextDocument[]; items: TextItem[] } {
  const test = documents.filter((document) => document.split === 'test');
  const counts = countWords(documents);
  const random = (task: string): Random => createRandom(`${settings.seed}/${task}`);
  const wanted = settings.textEvals;
  return {
    documents: mixedDocuments(test, wanted.documents, random('bits-per-byte')),
    items: [
      ...definitionItems(documents, counts, wanted.definitionWord, random('definition-word')),
      ...lastWordItems(documents, counts, wanted.lastWord, random('last-word')),
      ...nextSentenceItems(test, wanted.nextSentence, random('next-sentence')),
      ...minimalPairs(
        proseSentences(test).flatMap(({ sentences }) => sentences),
        wanted.minimalPairs,
        random('minimal-pairs'),
      ),
      ...hypernymItems(documents, counts, wanted.hypernym, random('hypernym')),
      ...antonymItems(documents, counts, wanted.antonym, random('antonym')),
      ...clozeItems(documents, counts, wanted.exampleCloze, random('example-cloze')),
      ...capitalItems(documents, counts, wanted.capital, random('capital')),
    ],
  };
}

/** Held-out documents, every source in turn. */
function mixedDocuments(test: readonly SplitDocument[], count: number, random: Random): TextDocument[] {
  const queues = [...groupBy(test, (document) => document.source).values()].map((group) => random.shuffle(group));
  const chosen: TextDocument[] = [];
  for (let i = 0; chosen.length < count && queues.some((queue) => i < queue.length); i++)
    for (const queue of queues)
      if (i < queue.length && chosen.length < count)
        chosen.push({
          id: itemId('bits-per-byte', chosen.length),
          task: 'bits-per-byte',
          text: queue[i]!.text,
          source: queue[i]!.source,
        });
  return enough('bits-per-byte documents', chosen, count);
}

/** Definition → word; the other words have the same part of speech, about the same frequency and no meaning in common. */
function definitionItems(
  documents: readonly SplitDocument[],
  counts: WordCounts,
  count: number,
  random: Random,
): TextItem[] {
  const frequency = (word: string): number => counts.get(word) ?? 0;
  const usable = (synset: Synset): boolean => /^[a-z]+$/.test(synset.words[0]!) && synset.gloss.split(' ').length >= 4;
  const pools = groupBy(documents.flatMap((document) => document.synsets ?? []).filter(usable), (synset) => synset.pos);
  const candidates = random.shuffle(
    documents
      .filter((document) => document.split === 'test')
      .flatMap((document) => document.synsets ?? [])
      .filter((synset) => usable(synset) && frequency(synset.words[0]!) >= 1 && !givesAway(synset)),
  );
  const items: TextItem[] = [];
  const used = new Set<string>();
  for (const synset of candidates) {
    if (items.length >= count) break;
    const word = synset.words[0]!;
    if (used.has(word)) continue;
    const others = draw(
      pools.get(synset.pos)!,
      3,
      random,
      (other) => !synset.words.includes(other.words[0]!) && near(frequency(other.words[0]!), frequency(word)),
      (other) => other.words[0]!,
    );
    if (!others) continue;
    used.add(word);
    items.push(
      choice(
        'definition-word',
        items.length,
        definitionContext(synset.gloss),
        ` ${word}`,
        others.map((other) => ` ${other}`),
        random,
      ),
    );
  }
  return enough('definition-word', items, count);
}

/** Held-out running text, sentence by sentence. */
function proseSentences(test: readonly SplitDocument[]): { document: SplitDocument; sentences: string[] }[] {
  return test
    .filter((document) => document.source !== 'wordnet' && document.source !== 'countries')
    .map((document) => ({ document, sentences: splitSentences(document.text) }));
}

/** Does the definition contain the word or its stem? */
function givesAway(synset: Synset): boolean {
  const word = synset.words[0]!;
  return synset.gloss.toLowerCase().includes(word.slice(0, Math.max(4, word.length - 4)));
}

/** The last word of a held-out sentence, after that sentence and the one before; the other words are as frequent. */
function lastWordItems(
  documents: readonly SplitDocument[],
  counts: WordCounts,
  count: number,
  random: Random,
): TextItem[] {
  // Other words are last words too, of training sentences, so that grammar alone does not rule them out.
  const lastWords = new Set(
    proseSentences(documents.filter((document) => document.split === 'train')).flatMap(({ sentences }) =>
      sentences.map((sentence) => sentence.match(/ ([a-z]{3,})[.!?]$/)?.[1] ?? ''),
    ),
  );
  const vocabulary = [...counts].filter(([word, n]) => n >= 3 && lastWords.has(word));
  const test = documents.filter((document) => document.split === 'test');
  const candidates = random.shuffle(
    proseSentences(test).flatMap(({ sentences }) =>
      sentences.slice(1).flatMap((sentence, i) => {
        const match = sentence.match(/^(.{30,300}[a-z,;]) ([a-z]{3,})[.!?]$/);
        return match ? [{ context: `${sentences[i]} ${match[1]}`, word: match[2]! }] : [];
      }),
    ),
  );
  const items: TextItem[] = [];
  for (const { context, word } of candidates) {
    if (items.length >= count) break;
    const n = counts.get(word) ?? 0;
    if (n < 3) continue;
    const others = draw(
      vocabulary,
      3,
      random,
      ([other, m]) => other !== word && near(m, n),
      ([other]) => other,
    );
    if (!others) continue;
    items.push(
      choice(
        'last-word',
        items.length,
        context,
        ` ${word}.`,
        others.map((other) => ` ${other}.`),
        random,
      ),
    );
  }
  return enough('last-word', items, count);
}

/** The sentence that follows, among sentences of about the same length from other documents of the same source. */
function nextSentenceItems(test: readonly SplitDocument[], count: number, random: Random): TextItem[] {
  const fits = (sentence: string): boolean => sentence.length >= 30 && sentence.length <= 220;
  const prose = proseSentences(test);
  const pools = groupBy(
    prose.flatMap(({ document, sentences }) =>
      sentences.filter(fits).map((sentence) => ({ sentence, source: document.source, id: document.id })),
    ),
    (entry) => entry.source,
  );
  const candidates = random.shuffle(
    prose.flatMap(({ document, sentences }) =>
      sentences.slice(2).flatMap((next, i) =>
        // Every third, so that items overlap in one sentence at most.
        i % 3 === 0 && fits(next) ? [{ document, context: `${sentences[i]} ${sentences[i + 1]}`, next }] : [],
      ),
    ),
  );
  const items: TextItem[] = [];
  for (const { document, context, next } of candidates) {
    if (items.length >= count) break;
    const others = draw(
      pools.get(document.source)!,
      3,
      random,
      (other) => other.id !== document.id && Math.abs(other.sentence.length - next.length) < 0.25 * next.length,
      (other) => other.sentence,
    );
    if (!others) continue;
    items.push(
      choice(
        'next-sentence',
        items.length,
        context,
        ` ${next}`,
        others.map((other) => ` ${other}`),
        random,
      ),
    );
  }
  return enough('next-sentence', items, count);
}
