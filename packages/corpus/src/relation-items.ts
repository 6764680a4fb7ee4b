import { referencesTo, relations, standing } from './asks.ts';
import { noCategory } from './categories.ts';
import { CorpusError } from './errors.ts';
import { deal, type ItemOrder, type MadeItem, phrase } from './item-parts.ts';
import { capitalise, verb, withArticle } from './language.ts';
import { hues } from './palette.ts';
import type { Form } from './phrasings.ts';
import { createRandom, type Random } from './random.ts';
import type { Scene } from './types.ts';
import type { ObjectWish, World } from './world.ts';

type Relation = (typeof relations)[number];

/** A composed question: what must be there, its words, and its answer for a scene (undefined where it is a close call). */
interface Question {
  type: string;
  form: Form;
  slots: Record<string, string>;
  parts: ObjectWish[];
  answer(scene: Scene): 'yes' | 'no' | undefined;
}

const types = {
  'new-scene': ['name', 'colour', 'category'],
  'new-vendor': ['name', 'colour', 'category'],
  'new-concept': ['colours'],
} as const;

/**
 * Two items in a row ask the same question of two scenes with the same things, which stand so that one answers yes and the other no:
 * neither the words nor what is there tell the answer.
 */
export function relationItem({ id, split, index, side, world, random }: ItemOrder): MadeItem {
  const [pair, yes] = [index >> 1, index % 2 === 0];
  const type = types[split][pair % types[split].length]!;
  const turn = Math.floor(pair / types[split].length);
  const shared = createRandom(`${world.data.settings.seed}/relations/${split}/${pair}`);
  const relation = relations[turn % relations.length]!;
  const answer = yes ? 'yes' : 'no';
  for (let draw = 0; draw < 40; draw++) {
    // Things that cannot show what is asked (no drawing takes the colour) make way for the next, for both items alike.
    const concept = deal(world.trainIds, turn + draw, `relations/${split}/${type}`, world);
    const question = questionOf(type, relation, concept, world, shared);
    if (!question || !canBeShown(question, { split, side, world }, `${pair}/${draw}`)) continue;
    const words = phrase(question.form, question.slots, world, shared);
    for (let tries = 0; tries < 2000; tries++) {
      const parts = question.parts.map((part) => ({ ...part, concept: part.concept ?? random.pick(world.heldOutIds) }));
      const made = world.tryMake(id, { ...side, parts }, random);
      if (made && question.answer(made.scene) === answer)
        return { made, item: { id, task: 'relations', split, type, ...words, target: { kind: 'yes-no', answer } } };
    }
  }
  throw new CorpusError(
    'not-enough-data',
    `No scene was found for ${id} (${type}, ${relation.words}); more concepts or smaller objects would help.`,
  );
}

/** Both answers of a question can be met. Decided by a generator of its own, so that the items of a pair agree. */
function canBeShown(
  question: Question,
  { split, side, world }: Pick<ItemOrder, 'split' | 'side' | 'world'>,
  key: string,
): boolean {
  const random = createRandom(`${world.data.settings.seed}/relations/${split}/shown/${key}`);
  const seen = new Set<string | undefined>();
  for (let tries = 0; tries < 400; tries++) {
    const parts = question.parts.map((part) => ({ ...part, concept: part.concept ?? random.pick(world.heldOutIds) }));
    const made = world.tryMake('trial', { ...side, parts }, random);
    if (made) seen.add(question.answer(made.scene));
    if (seen.has('yes') && seen.has('no')) return true;
  }
  return false;
}

function questionOf(
  type: (typeof types)[keyof typeof types][number],
  relation: Relation,
  concept: number,
  world: World,
  random: Random,
): Question | undefined {
  const other = random.pick(world.trainIds.filter((one) => one !== concept));
  const [colour, second] = random.shuffle(hues);
  const sideOf = (by: ('name' | 'colour')[], parts: Question['parts']): Question => ({
    type,
    form: 'side-of',
    slots: { relation: relation.words, ref: refOf(by[0]!, 0), Is: isOf(by[0]!, 0), other: refOf(by[1]!, 1) },
    parts,
    answer: (scene) => {
      const found = [refOf(by[0]!, 0), refOf(by[1]!, 1)].map((words) => indexOf(scene, words));
      return found[0] === undefined || found[1] === undefined ? undefined : stands(scene, found[0], found[1], relation);
    },
  });
  const concepts = [concept, other];
  const colours = [colour!, second!];
  const refOf = (by: 'name' | 'colour', i: number): string =>
    `the ${by === 'name' ? world.label(concepts[i]!) : `${colours[i]} object`}`;
  const isOf = (by: 'name' | 'colour', i: number): string =>
    by === 'colour' ? 'Is' : capitalise(verb(world.label(concepts[i]!)));
  switch (type) {
    case 'name':
      return sideOf(['name', 'name'], [{ concept }, { concept: other }]);
    case 'colour':
      return sideOf(['colour', 'name'], [{ concept, colour: colour! }, { concept: other }]);
    case 'colours':
      return sideOf(['colour', 'colour'], [{ colour: colour! }, { colour: second! }]);
    default:
      return categoryQuestion(relation, concept, other, world);
  }
}

/** Is there an animal to the left of the car? There is an animal in either scene. */
function categoryQuestion(relation: Relation, concept: number, other: number, world: World): Question | undefined {
  const { category } = world.data.concepts[concept]!;
  if (category === noCategory || world.data.concepts[other]!.category === category) return undefined;
  const words = `the ${world.label(other)}`;
  return {
    type: 'category',
    form: 'category-side',
    slots: { kind: withArticle(category), relation: relation.words, other: words },
    parts: [{ concept }, { concept: other }],
    answer: (scene) => {
      const to = indexOf(scene, words);
      const of = scene.objects.findIndex((object) => object.category === category);
      return to === undefined || of < 0 ? undefined : stands(scene, of, to, relation);
    },
  };
}

/** The object that these words can only mean. */
function indexOf(scene: Scene, words: string): number | undefined {
  const found = scene.objects.findIndex((_, i) =>
    referencesTo(scene, i).some((reference) => reference.words === words),
  );
  return found < 0 ? undefined : found;
}

/** Yes where it clearly stands there, no where it clearly stands on the other side. */
export function stands(scene: Scene, of: number, to: number, relation: Relation): 'yes' | 'no' | undefined {
  if (standing(scene, to, relation)?.includes(of)) return 'yes';
  return standing(scene, of, relation)?.includes(to) ? 'no' : undefined;
}
