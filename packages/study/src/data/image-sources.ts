import type { Conversation } from '@vlm/corpus';
import { encodeCaption, encodeConversation } from '@vlm/tokenizer';
import { filterSource, mapSource, type OpenSource, type TrainingItem } from '@vlm/trainer';
import type { Sample } from 'webdataset-ts';
import type { FeatureTable } from './features.ts';
import { type SourceOptions, shuffledShards } from './text-source.ts';

const decoder = new TextDecoder();

interface PicturedOptions extends SourceOptions {
  features: FeatureTable;
  /** Told of every item left out because its picture has no features (it did not decode). */
  onLeftOut: (key: string) => void;
}

/** Samples of a group whose picture, if they have one, the encoder could read. */
function withPicture(options: PicturedOptions, group: string): OpenSource<Sample> {
  const { features, onLeftOut } = options;
  return filterSource(
    shuffledShards(options, group),
    ({ key, members }) => members['png'] === undefined || features.has(`${group}/${key}`) || 'picture does not decode',
    ({ key }) => onLeftOut(`${group}/${key}`),
  );
}

/** Pictures with their captions (phase 2), features in place of pixels. */
export function captionSource(options: PicturedOptions): OpenSource<TrainingItem> {
  const { tokenizer, features } = options;
  return mapSource(withPicture(options, 'captions/train'), ({ key, members }) => ({
    id: key,
    ...encodeCaption(tokenizer, decoder.decode(members['txt']), { patches: features.patches }),
    patches: features.of(`captions/train/${key}`),
  }));
}

/** Conversations (phase 3), with a picture or of text alone; loss on the answers. */
export function conversationSource(options: PicturedOptions): OpenSource<TrainingItem> {
  const { tokenizer, features } = options;
  return mapSource(withPicture(options, 'conversations/train'), ({ key, members }) => {
    const { image, conversations } = JSON.parse(decoder.decode(members['json'])) as Conversation;
    const item = encodeConversation(tokenizer, conversations, {
      patches: features.patches,
      images: image === undefined ? 0 : 1,
    });
    return { id: key, ...item, ...(image === undefined ? {} : { patches: features.of(`conversations/train/${key}`) }) };
  });
}
