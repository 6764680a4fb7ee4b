import { groupBy } from './group-by.ts';
import { capitalise, listOf } from './language.ts';
import { createRandom } from './random.ts';
import type { RawDocument } from './text-source.ts';
import { readWordnet, type Synset } from './wordnet.ts';

/** Related meanings in one document, at most. */
const perDocument = 7;

/**
 * WordNet as readable documents: meanings of one kind together (kinds of tree, ways to walk, words similar to *bright*), each explained
 * in one of several ways and followed by its examples.
 */
export function wordnetDocuments(): RawDocument[] {
  const synsets = readWordnet();
  const byId = new Map(synsets.map((synset) => [synset.id, synset]));
  const documents: RawDocument[] = [];
  for (const [parentId, family] of groupBy(synsets, (synset) => synset.parents[0] ?? `${synset.pos}-alone`)) {
    const parent = byId.get(parentId);
    for (let start = 0; start < family.length; start += perDocument) {
      const members = family.slice(start, start + perDocument);
      const id = members[0]!.id;
      const title = parent?.words[0] ?? members[0]!.words[0]!;
      documents.push({ id, title, read: () => write(id, parent, members), synsets: members });
    }
  }
  return documents;
}

function write(id: string, parent: Synset | undefined, members: readonly Synset[]): string {
  const random = createRandom(`wordnet/${id}`);
  const heading = parent ? `${headings[parent.pos](parent)}\n` : '';
  return heading + members.map((synset) => explain(synset, random.int(4))).join('\n');
}

const headings: Record<Synset['pos'], (parent: Synset) => string> = {
  noun: (parent) => `Kinds of ${parent.words[0]}.`,
  verb: (parent) => `Ways to ${parent.words[0]}.`,
  adj: (parent) => `Words like ${parent.words[0]}.`,
  adv: (parent) => `Words like ${parent.words[0]}.`,
};

/** The context that a definition gives; what follows it is the word. The task `definition-word` asks in the same way. */
export function definitionContext(gloss: string): string {
  return `${capitalise(gloss)}: this is the meaning of the word`;
}

function explain(synset: Synset, way: number): string {
  const [word, ...others] = synset.words;
  const also = others.length > 0 ? ` Also: ${listOf(others)}.` : '';
  const examples = synset.examples
    .map((example) => ` "${capitalise(example)}${/[.!?]$/.test(example) ? '' : '.'}"`)
    .join('');
  switch (way) {
    case 0:
      return `${capitalise(word!)}: ${synset.gloss}.${also}${examples}`;
    case 1:
      return `${capitalise(word!)} means ${synset.gloss}.${also}${examples}`;
    default:
      return `${definitionContext(synset.gloss)} ${word}.${also}${examples}`;
  }
}
