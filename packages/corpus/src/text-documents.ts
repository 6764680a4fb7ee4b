import { createHash } from 'node:crypto';
import { CorpusError, throwIfAborted } from './errors.ts';
import { estimateTokens } from './prose.ts';
import { hash32 } from './random.ts';
import type { CorpusSettings } from './settings.ts';
import { chosenSources } from './text-sources.ts';
import type { Synset } from './wordnet.ts';

export type TextSplit = 'train' | 'validation' | 'test';

/** A document with its side of the split. */
export interface SplitDocument {
  id: string;
  source: string;
  title?: string;
  text: string;
  split: TextSplit;
  tokens: number;
  /** The meanings it explains, where it is made of WordNet. */
  synsets?: readonly Synset[];
}

/** What was left out, so that nothing vanishes silently. */
export interface TextCounts {
  duplicates: number;
  nearDuplicatesAcrossSplits: number;
  tooShort: number;
  overCap: number;
}

/** Shorter documents teach nothing about running text. */
const shortestTokens = 16;

/**
 * Documents of all chosen sources: shuffled by hash, capped by tokens, split by hash.
 * Which side a document falls on depends on its name and the shares alone, so a larger corpus never moves one from test to train. A
 * training document that shares a run of words with a held-out one is dropped from training.
 * @throws CorpusError `missing-package`, `broken-package`, `aborted`
 */
export function collectDocuments(
  settings: CorpusSettings['text'],
  signal?: AbortSignal,
): { documents: SplitDocument[]; counts: TextCounts } {
  const counts: TextCounts = { duplicates: 0, nearDuplicatesAcrossSplits: 0, tooShort: 0, overCap: 0 };
  const seen = new Set<string>();
  const documents: SplitDocument[] = [];
  for (const source of chosenSources(settings.maxTokens)) {
    throwIfAborted(signal);
    const raw = source.documents().map((document) => ({ document, order: hash32(`${source.name}/${document.id}`) }));
    if (raw.length === 0)
      throw new CorpusError('broken-package', `The package ${source.package} holds no text; reinstall it.`);
    raw.sort((a, b) => a.order - b.order || (a.document.id < b.document.id ? -1 : 1));
    let left = settings.maxTokens[source.name]!;
    for (const [i, { document, order }] of raw.entries()) {
      if (left < shortestTokens) {
        counts.overCap += raw.length - i;
        break;
      }
      const text = document.read();
      const tokens = estimateTokens(text);
      if (tokens < shortestTokens) {
        counts.tooShort++;
        continue;
      }
      if (tokens > left) {
        counts.overCap++;
        continue;
      }
      const print = createHash('sha256').update(normalise(text)).digest('base64');
      if (seen.has(print)) {
        counts.duplicates++;
        continue;
      }
      seen.add(print);
      left -= tokens;
      documents.push({
        id: `${source.name}/${document.id}`,
        source: source.name,
        ...(document.title === undefined ? {} : { title: document.title }),
        text,
        split: sideOf(order, settings),
        tokens,
        ...(document.synsets ? { synsets: document.synsets } : {}),
      });
    }
  }
  const kept = dropNearDuplicates(documents, counts);
  return { documents: kept, counts };
}

/** A second, independent hash: the order of the cap must not decide the side. */
function sideOf(order: number, settings: CorpusSettings['text']): TextSplit {
  const place = hash32(String(order), 7) / 4294967296;
  if (place < settings.testShare) return 'test';
  return place < settings.testShare + settings.validationShare ? 'validation' : 'train';
}

function normalise(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}

/** Words in a run that may not occur on both sides of a split. */
const runLength = 13;

/** Drops from training (and from validation against test) what shares a run of 13 words, the n-gram length GPT-3 used for the purpose. */
function dropNearDuplicates(documents: readonly SplitDocument[], counts: TextCounts): SplitDocument[] {
  const held = new Map<number, 'validation' | 'test'>();
  for (const split of ['validation', 'test'] as const)
    for (const document of documents)
      if (document.split === split) for (const run of runsOf(document.text)) held.set(run, split);
  return documents.filter((document) => {
    if (document.split === 'test') return true;
    for (const run of runsOf(document.text)) {
      const other = held.get(run);
      if (other === undefined || other === document.split) continue;
      counts.nearDuplicatesAcrossSplits++;
      return false;
    }
    return true;
  });
}

function* runsOf(text: string): Generator<number> {
  const words = normalise(text)
    .split(' ')
    .map((word) => hash32(word));
  for (let i = 0; i + runLength <= words.length; i++) {
    let low = 0x811c9dc5;
    let high = 0x9e3779b9;
    for (let j = 0; j < runLength; j++) {
      low = Math.imul(low ^ words[i + j]!, 0x01000193) >>> 0;
      high = Math.imul(high ^ words[i + j]!, 0x85ebca6b) >>> 0;
    }
    yield (high & 0x1fffff) * 4294967296 + low;
  }
}
