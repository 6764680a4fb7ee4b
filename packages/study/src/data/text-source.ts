import { encodeDocument, type Tokenizer } from '@vlm/tokenizer';
import { mapSource, type OpenSource, type TrainingItem } from '@vlm/trainer';
import { readShards, type Sample, type ShardPosition } from 'webdataset-ts';
import { shardsOf } from './shards.ts';

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
}

/**
 * Training documents of a corpus as items, shuffled by the seed.
 *
 * @param from where to begin instead of the beginning: the position at which another run stopped reading
 */
export function textSource(
  { corpus, tokenizer, seed, onBroken }: SourceOptions,
  from?: unknown,
): OpenSource<TrainingItem> {
  return mapSource(shuffledShards({ corpus, seed, onBroken }, 'text/train', from), ({ key, members }) => ({
    id: key,
    ...encodeDocument(tokenizer, decoder.decode(members['txt'])),
  }));
}

/** Samples of one group of a corpus in an order that the seed decides, shards and samples within a window. */
export function shuffledShards(
  { corpus, seed, onBroken }: Pick<SourceOptions, 'corpus' | 'seed' | 'onBroken'>,
  group: string,
  from?: unknown,
): OpenSource<Sample> {
  return async (state = from) =>
    readShards(await shardsOf(corpus, group), {
      shuffleShards: { seed },
      shuffleSamples: { seed, window: shuffleWindow },
      state: state as ShardPosition | undefined,
      onBroken,
    });
}

/** Samples among which the next one is drawn. Corpora are written in random order already; the seed must matter all the same. */
const shuffleWindow = 200;
