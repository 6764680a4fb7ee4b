import { deal, type ItemOrder, type MadeItem, phrase } from './item-parts.ts';
import { isCountable, plural } from './language.ts';
import type { Random } from './random.ts';
import type { MadeScene, SceneWish, World } from './world.ts';

/** Zero to five. */
const counts = [0, 1, 2, 3, 4, 5] as const;
const countedSize = [0.2, 0.3] as const;

/**
 * A scene with exactly `count` of a concept among five to seven things. How many things there are in all, and how large each is, is drawn
 * without a look at the count: neither the covered area nor the size of a thing says how many are of the kind.
 * @throws CorpusError `not-enough-data`
 */
export function countedScene(
  id: string,
  concept: number,
  count: number,
  side: Pick<SceneWish, 'concepts' | 'vendors'>,
  world: World,
  random: Random,
): MadeScene {
  const others = world.trainIds.filter((other) => other !== concept);
  return world.drawUntil(id, () => {
    const things = 5 + random.int(3);
    const parts = Array.from({ length: things }, (_, i) => ({ concept: i < count ? concept : random.pick(others) }));
    return world.tryMake(id, { ...side, parts, objectSize: countedSize }, random);
  });
}

/** Training concepts of which there can be three. */
export function countable(world: World): number[] {
  return world.trainIds.filter((id) => isCountable(world.label(id)));
}

/** Every count as often as every other. */
export function countingItem({ id, split, index, side, world, random }: ItemOrder): MadeItem {
  const concept = deal(countable(world), index, `counting/${split}/concept`, world);
  const count = deal(counts, index, `counting/${split}`, world);
  const made = countedScene(id, concept, count, side, world, random);
  const words = phrase('count-some', { plural: plural(world.label(concept)) }, world, random);
  const target = { kind: 'answers' as const, answers: [String(count)] };
  return { made, item: { id, task: 'counting', split, type: 'count', ...words, target } };
}
