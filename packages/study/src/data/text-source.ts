import { encodeDocument, type Tokenizer } from '@vlm/tokenizer';
import { mapSource, type OpenSource, type TrainingItem } from '@vlm/trainer';
import type { Sample } from 'webdataset-ts';
import { StudyError } from '../study-error.ts';
import { readGroup } from './read-group.ts';

const decoder = new TextDecoder();

/** What every source of training items needs. */
export interface SourceOptions {
  /** The corpus' folder. */
  corpus: string;
  tokenizer: Tokenizer;
  /** Decides the order. */
  seed: number;
  /** What readers do about cut or corrupt shards. */
  onBroken: 'error' | ((problem: Error) => void);
  /** Whether each pass has an order of its own; left out: all have that of the first. */
  reshuffle?: boolean | undefined;
  /** Passes that the run before this one has read to their end. */
  passesBefore?: number | undefined;
}

/** Training documents of a corpus as items, shuffled by the seed. */
export function textSource({ tokenizer, ...options }: SourceOptions): OpenSource<TrainingItem> {
  return mapSource(shuffledShards(options, 'text/train'), ({ key, members }) => ({
    id: key,
    ...(members['tokens']
      ? tokenisedRow(tokenizer, key, decoder.decode(members['tokens']))
      : encodeDocument(tokenizer, decoder.decode(members['txt']))),
  }));
}

/** A row of a set that OpenLM tokenised: documents and the tokens between them as they are, without the padding at its end (negative ids). */
function tokenisedRow(tokenizer: Tokenizer, key: string, list: string): Pick<TrainingItem, 'tokens' | 'loss'> {
  const ids = JSON.parse(list) as number[];
  const tokens = Int32Array.from(ids.filter((id) => id >= 0));
  const largest = tokens.reduce((most, id) => Math.max(most, id), 0);
  if (largest >= tokenizer.vocabSize) {
    throw new StudyError(
      'bad-data',
      `Tokenised sample ${key}: expected ids below ${tokenizer.vocabSize}, got ${largest}; was it tokenised with the recipe’s tokenizer file?`,
    );
  }
  return { tokens, loss: new Uint8Array(tokens.length).fill(1) };
}

/** Samples of one group of a corpus in an order that the seed decides, shards and samples within a window. */
export function shuffledShards(
  { corpus, seed, onBroken, reshuffle, passesBefore }: Omit<SourceOptions, 'tokenizer'>,
  group: string,
  onLeftOut?: (key: string, reason: string) => void,
  pictures = false,
): OpenSource<Sample> {
  return readGroup(corpus, group, {
    shuffleShards: { seed },
    shuffleSamples: { seed, window: shuffleWindow },
    onBroken,
    reshuffle,
    passesBefore,
    pictures,
    ...(onLeftOut ? { onLeftOut } : {}),
  });
}

/** Samples among which the next one is drawn. Corpora are written in random order already; the seed must matter all the same. */
const shuffleWindow = 200;
