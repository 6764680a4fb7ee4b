import { centre, clearlyApart, referencesTo } from './asks.ts';
import type { SignPlacement } from './compose.ts';
import { CorpusError } from './errors.ts';
import { deal, type ItemOrder, type MadeItem, phrase } from './item-parts.ts';
import type { Random } from './random.ts';
import { drawSign } from './signs.ts';
import type { MadeScene, SceneWish, World } from './world.ts';

/** Heights of signs as shares of the picture. */
const signHeight = [0.2, 0.28] as const;
const upper = [0, 0, 1, 0.32] as const;
const lower = [0, 0.68, 1, 1] as const;

/** A scene with one sign, anywhere. */
export function oneSign(
  id: string,
  word: string,
  side: Pick<SceneWish, 'concepts' | 'vendors'>,
  world: World,
  random: Random,
): MadeScene {
  const board = (): SignPlacement => boardOf(word, side, world, random);
  for (let tries = 0; tries < 500; tries++) {
    const made = world.tryMake(id, { ...side, objects: 1 + random.int(2), signs: [board()] }, random);
    if (made) return made;
  }
  throw notFound(id);
}

/** A thing with a sign above it and another below: which is read depends on where one looks. */
export function twoSigns(
  id: string,
  words: { above: string; below: string },
  side: Pick<SceneWish, 'concepts' | 'vendors'>,
  world: World,
  random: Random,
): { made: MadeScene; ref: string } {
  for (let tries = 0; tries < 2000; tries++) {
    const signs = [boardOf(words.above, side, world, random, upper), boardOf(words.below, side, world, random, lower)];
    const target = { within: [0, 0.35, 1, 0.65] as const };
    const made = world.tryMake(id, { ...side, objects: 1, objectSize: [0.3, 0.42], target, signs }, random);
    if (!made) continue;
    const middle = centre(made.scene.objects[0]!)[1];
    const [above, below] = made.scene.signs!.map(({ box }) => (box[1] + box[3]) / 2) as [number, number];
    const named = referencesTo(made.scene, 0).find(({ by }) => by === 'name')!;
    if (middle - above >= clearlyApart && below - middle >= clearlyApart) return { made, ref: named.words };
  }
  throw notFound(id);
}

function notFound(id: string): CorpusError {
  return new CorpusError('not-enough-data', `No scene was found with the signs of ${id}; smaller objects would help.`);
}

function boardOf(
  word: string,
  side: Pick<SceneWish, 'concepts' | 'vendors'>,
  { data }: World,
  random: Random,
  within?: SignPlacement['within'],
): SignPlacement {
  const height = Math.round(random.between(...signHeight) * data.settings.imageSize);
  return drawSign(data.signs!, word, { role: side.vendors, height, ...(within ? { within } : {}) }, random);
}

/**
 * Words that no training sign says. Half the items show two signs, and the question says which one is meant by a thing between them;
 * a new vendor's signs are set in a typeface never seen, and concepts never seen have no names to point with.
 */
export function readingItem({ id, split, index, side, world, random }: ItemOrder): MadeItem {
  const words = world.data.signs!.words.heldOut;
  const word = deal(words, index, `reading/${split}`, world);
  const item = { id, task: 'reading', split, target: { kind: 'answers' as const, answers: [word] } };
  if (split === 'new-concept' || index % 2 === 0) {
    const made = oneSign(id, word, side, world, random);
    return { made, item: { ...item, type: 'one sign', ...phrase('sign', {}, world, random) } };
  }
  const other = random.pick(words.filter((one) => one !== word));
  const relation = index % 4 === 1 ? 'above' : 'below';
  const placed = relation === 'above' ? { above: word, below: other } : { above: other, below: word };
  const { made, ref } = twoSigns(id, placed, side, world, random);
  return { made, item: { ...item, type: 'two signs', ...phrase('sign-at', { relation, ref }, world, random) } };
}
