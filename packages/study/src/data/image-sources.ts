import type { Conversation, Scene } from '@vlm/corpus';
import { encodeCaption, encodeConversation } from '@vlm/tokenizer';
import { filterSource, mapSource, type OpenSource, type TrainingItem } from '@vlm/trainer';
import type { Sample } from 'webdataset-ts';
import type { PictureInputs } from './picture-inputs.ts';
import { type SourceOptions, shuffledShards } from './text-source.ts';

const decoder = new TextDecoder();

interface PicturedOptions extends SourceOptions {
  features: PictureInputs;
  /** Told of every item left out: `lacks` says what its sample has not; without that, its picture has no features (it did not decode). */
  onLeftOut: (key: string, lacks?: string) => void;
  /** Which items are read; left out: all. */
  only?: ((key: string) => boolean) | undefined;
}

/** Samples of a group whose picture, if they have one, the encoder could read. */
function withPicture(options: PicturedOptions, group: string): OpenSource<Sample> {
  const { features, onLeftOut, only } = options;
  const all = shuffledShards(options, group, (key, lacks) => onLeftOut(`${group}/${key}`, lacks), features.decodes);
  return filterSource(
    only ? filterSource(all, ({ key }) => only(key) || 'not asked for') : all,
    ({ key, members }) => members['png'] === undefined || features.has(`${group}/${key}`) || 'picture does not decode',
    ({ key }) => onLeftOut(`${group}/${key}`),
  );
}

interface LeftOut {
  leftOut: string;
}

/** Items without those whose picture turned out not to decode. Where that is known before, nothing is done, and positions stay what they were. */
function readable(open: OpenSource<TrainingItem | LeftOut>, { features, onLeftOut }: PicturedOptions) {
  if (!features.decodes) return open as OpenSource<TrainingItem>;
  return filterSource(
    open,
    (item) => !('leftOut' in item) || 'picture does not decode',
    (item) => onLeftOut((item as LeftOut).leftOut),
  ) as OpenSource<TrainingItem>;
}

/** How a scene is captioned in place of the corpus' own sentence. */
export type CaptionKind = 'labels' | 'tags';

/** Pictures with their captions (phase 2). */
export function captionSource(
  options: PicturedOptions & { captions?: CaptionKind | undefined },
): OpenSource<TrainingItem> {
  const { tokenizer, features, captions } = options;
  const caption = (members: Sample['members']): string =>
    captions
      ? sceneCaption(JSON.parse(decoder.decode(members['json'])) as Scene, captions)
      : decoder.decode(members['txt']);
  const items = mapSource(withPicture(options, 'captions/train'), async ({ key, members }) => {
    const picture = `captions/train/${key}`;
    const patches = await features.of(picture, members['png']!);
    if (!patches) return { leftOut: picture };
    return { id: key, ...encodeCaption(tokenizer, caption(members), { patches: features.patches }), patches };
  });
  return readable(items, options);
}

/**
 * A caption without grammar: the names of what is there, with kind and colour where tags are asked for.
 *
 * @example sceneCaption(scene, 'tags') // 'cat, animal, black; tram, vehicle, red; blue background'
 */
export function sceneCaption({ objects, background }: Scene, kind: CaptionKind): string {
  if (kind === 'labels') return objects.map(({ concept }) => concept).join(', ');
  const tags = objects.map(({ concept, category, colour }) => `${concept}, ${category}, ${colour}`);
  return [...tags, `${background.name} background`].join('; ');
}

/** Conversations (phase 3), with a picture or of text alone; loss on the answers. */
export function conversationSource(options: PicturedOptions): OpenSource<TrainingItem> {
  const { tokenizer, features } = options;
  const items = mapSource(withPicture(options, 'conversations/train'), async ({ key, members }) => {
    const { image, conversations } = JSON.parse(decoder.decode(members['json'])) as Conversation;
    const item = encodeConversation(tokenizer, conversations, {
      patches: features.patches,
      images: image === undefined ? 0 : 1,
    });
    if (image === undefined) return { id: key, ...item };
    const picture = `conversations/train/${key}`;
    const patches = await features.of(picture, members['png']!);
    return patches ? { id: key, ...item, patches } : { leftOut: picture };
  });
  return readable(items, options);
}
