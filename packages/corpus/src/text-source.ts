import type { Synset } from './wordnet.ts';

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
