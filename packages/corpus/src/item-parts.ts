import { type Form, fill, heldOutPhrasing, seenPhrasings } from './phrasings.ts';
import { createRandom, type Random } from './random.ts';
import type { VisionItem, VisionSplit } from './types.ts';
import type { MadeScene, SceneWish, World } from './world.ts';

/** An item with its picture. */
export interface MadeItem {
  item: VisionItem;
  made: MadeScene;
}

/** What every maker of items is told. */
export interface ItemOrder {
  id: string;
  split: VisionSplit;
  /** Number of the item within its task and split. */
  index: number;
  /** Whose drawings and which concepts the split shows. */
  side: Pick<SceneWish, 'concepts' | 'vendors'>;
  world: World;
  random: Random;
}

/** The n-th of a list that is shuffled once a corpus and then repeated: every entry as often as every other. */
export function deal<T>(items: readonly T[], n: number, key: string, world: World): T {
  return createRandom(`${world.data.settings.seed}/deal/${key}/${Math.floor(n / items.length)}`).shuffle(items)[
    n % items.length
  ]!;
}

/** A question in words, a share of them in the phrasing that no conversation uses. */
export function phrase(
  form: Form,
  slots: Record<string, string>,
  world: World,
  random: Random,
): Pick<VisionItem, 'question' | 'phrasing'> {
  const heldOut = random.chance(world.data.settings.evals.heldOutPhrasingShare);
  const phrasing = heldOut ? heldOutPhrasing(form) : random.pick(seenPhrasings(form));
  return { question: fill(phrasing, slots), phrasing: heldOut ? 'held-out' : 'seen' };
}
