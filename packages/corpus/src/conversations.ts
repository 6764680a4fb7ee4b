import { type Ask, asksOf, referencesTo, relations, standing } from './asks.ts';
import { backgroundNames } from './backgrounds.ts';
import { captionOf } from './captions.ts';
import { noCategory } from './categories.ts';
import { capitalise, withArticle } from './language.ts';
import { colourNames, mixedColour } from './palette.ts';
import { type Form, fill, seenPhrasings } from './phrasings.ts';
import type { Random } from './random.ts';
import type { Conversation, Scene } from './types.ts';
import type { World } from './world.ts';

/** One question and its answer. */
export interface Turn {
  type: string;
  question: string;
  answer: string;
}

/**
 * What the text of a conversation has said so far. A later turn must not be answerable from it: otherwise the model learns to copy and
 * need not look.
 */
interface Said {
  /** Objects whose name was said. */
  named: Set<number>;
  /** Objects whose colour was said. */
  coloured: Set<number>;
  /** Objects that still may be the subject of an existence question. */
  unasked: number[];
  /** Concepts said to be absent. */
  denied: Set<string>;
  once: Set<string>;
}

/** How often each kind of turn is tried; existence gets most because it was seen to be the hardest to learn. */
const turnWeights: Readonly<Record<string, number>> = {
  existence: 14,
  'yes-no': 4,
  name: 5,
  colour: 3,
  count: 3,
  background: 1.5,
  place: 3,
  relation: 3,
  category: 2,
  grounding: 2,
  describe: 1,
};

/** Questions about natural colours of named things are thinned out: they could be answered without the picture. */
const naturalColourShare = 0.1;

/** Questions and answers about one scene. */
export function turnsOf(scene: Scene, world: World, random: Random): Turn[] {
  const [fewest, most] = world.data.settings.conversations.turns;
  const wanted = fewest + random.int(most - fewest + 1);
  const said: Said = {
    named: new Set(),
    coloured: new Set(),
    unasked: random.shuffle(scene.objects.map((_, i) => i)),
    denied: new Set(),
    once: new Set(),
  };
  const asks = random.shuffle(asksOf(scene));
  const kinds = Object.keys(turnWeights);
  const weights = kinds.map((kind) => turnWeights[kind]!);
  const turns: Turn[] = [];
  for (let tries = 0; turns.length < wanted && tries < 60; tries++) {
    const kind = kinds[random.weighted(weights)]!;
    const turn =
      kind === 'existence'
        ? existenceTurn(scene, world, said, random)
        : kind === 'yes-no'
          ? yesNoTurn(scene, world, said, random)
          : kind === 'describe'
            ? describeTurn(scene, said, random)
            : openTurn(kind, asks, scene, said, random);
    if (turn) turns.push(turn);
  }
  return turns;
}

function ask(form: Form, slots: Record<string, string>, random: Random): string {
  return fill(random.pick(seenPhrasings(form)), slots);
}

function openTurn(type: string, asks: readonly Ask[], scene: Scene, said: Said, random: Random): Turn | undefined {
  const found = asks.find((one) => one.type === type && isFresh(one, scene, said) && isBlindEnough(one, scene, random));
  if (!found) return undefined;
  for (const i of [...found.says, ...found.tells]) name(i, scene, said);
  for (const i of found.colours) said.coloured.add(i);
  said.once.add(onceKey(found));
  // "The object" or "the object on the left" say something about how many there are.
  if (found.object !== undefined) said.once.add('count-all');
  return { type, question: ask(found.form, found.slots, random), answer: found.answer };
}

/** The name of an object is out: nothing may ask for it any more, nor for others of its kind. */
function name(index: number, scene: Scene, said: Said): void {
  scene.objects.forEach((object, i) => {
    if (object.concept !== scene.objects[index]!.concept) return;
    said.named.add(i);
    said.unasked = said.unasked.filter((other) => other !== i);
  });
}

/** Questions with the same key answer one another: a box says where an object is. */
function onceKey(one: Ask): string {
  if (one.type === 'count' || one.type === 'background') return one.form;
  return `${one.type === 'grounding' ? 'place' : one.type}/${one.object}`;
}

function isFresh(one: Ask, scene: Scene, said: Said): boolean {
  if (said.once.has(onceKey(one))) return false;
  if (one.tells.some((i) => said.named.has(i))) return false;
  if (one.says.some((i) => said.denied.has(scene.objects[i]!.concept))) return false;
  if (one.type === 'colour' && said.coloured.has(one.object!)) return false;
  return true;
}

function isBlindEnough(one: Ask, scene: Scene, random: Random): boolean {
  if (one.type !== 'colour') return true;
  const nameIsKnown = one.says.length > 0;
  return !nameIsKnown || scene.objects[one.object!]!.recoloured === true || random.chance(naturalColourShare);
}

/**
 * Is there a …? A fair coin decides the answer before anything else is drawn, and each question uses up one object whatever the answer,
 * so neither the number of questions nor earlier answers say anything about the next.
 */
function existenceTurn(scene: Scene, world: World, said: Said, random: Random): Turn | undefined {
  const subject = said.unasked.pop();
  if (subject === undefined) return undefined;
  if (random.chance(0.5)) {
    const { concept } = scene.objects[subject]!;
    name(subject, scene, said);
    return { type: 'existence', question: ask('existence', { a: withArticle(concept) }, random), answer: 'yes' };
  }
  const concept = absentConcept(scene, world, said, random);
  if (concept === undefined) return undefined;
  said.denied.add(concept);
  return { type: 'existence', question: ask('existence', { a: withArticle(concept) }, random), answer: 'no' };
}

/** A concept that is not there: any, a popular one, or one of the same kind as something that is there. */
function absentConcept(scene: Scene, world: World, said: Said, random: Random): string | undefined {
  const present = new Set(scene.objects.map((object) => object.concept));
  for (let tries = 0; tries < 20; tries++) {
    const luck = random.next();
    let id = world.drawConcept(random);
    if (luck < 0.15) id = random.pick(world.popularIds);
    else if (luck < 0.45) {
      const there = random.pick(scene.objects).concept;
      const siblings = world.siblings(world.trainIds.find((other) => world.label(other) === there) ?? id);
      if (siblings.length > 0) id = random.pick(siblings);
    }
    const label = world.label(id);
    if (!present.has(label) && !said.denied.has(label)) return label;
  }
  return undefined;
}

/** Yes/no questions about colours, kinds, the ground and who stands where; answers are fair coins here too. */
function yesNoTurn(scene: Scene, world: World, said: Said, random: Random): Turn | undefined {
  const yes = random.chance(0.5);
  const answer = yes ? 'yes' : 'no';
  const make = (type: string, form: Form, slots: Record<string, string>): Turn => ({
    type,
    question: ask(form, slots, random),
    answer,
  });
  switch (random.int(4)) {
    case 0: {
      if (said.once.has('background') || said.once.has('background-is')) return undefined;
      said.once.add('background').add('background-is');
      const colour = yes
        ? scene.background.name
        : random.pick(backgroundNames.filter((other) => other !== scene.background.name));
      return make('background-is', 'background-is', { colour, a: withArticle('', colour).trim() });
    }
    case 1: {
      if (
        scene.objects.some((object) => object.colour === mixedColour) ||
        said.coloured.size > 0 ||
        said.once.has('colour-there')
      )
        return undefined;
      said.once.add('colour-there');
      scene.objects.forEach((_, i) => void said.coloured.add(i));
      const there = new Set(scene.objects.map((object) => object.colour));
      // A ground of that colour would make "something red" a matter of opinion.
      const absent = colourNames.filter((other) => !there.has(other) && other !== scene.background.name);
      const colour = yes ? random.pick([...there]) : random.pick(absent);
      return make('colour-there', 'colour-there', { colour, a: withArticle('', colour).trim() });
    }
    case 2: {
      if (
        scene.objects.some((object) => object.category === noCategory) ||
        said.named.size > 0 ||
        said.once.has('category-there')
      )
        return undefined;
      said.once.add('category-there');
      scene.objects.forEach((_, i) => void said.once.add(`category/${i}`));
      const there = new Set(scene.objects.map((object) => object.category));
      const all = [...new Set(world.trainIds.map((id) => world.data.concepts[id]!.category))].filter(
        (kind) => kind !== noCategory && !there.has(kind),
      );
      if (all.length === 0) return undefined;
      return make('category-there', 'category-there', { category: yes ? random.pick([...there]) : random.pick(all) });
    }
    default: {
      if (scene.objects.length < 2 || said.once.has('side-of')) return undefined;
      const [relation, to] = [random.pick(relations), random.int(scene.objects.length)];
      const found = standing(scene, to, relation);
      if (!found || found.length === 0) return undefined;
      const [a, b] = yes ? [random.pick(found), to] : [to, random.pick(found)];
      const [first, second] = [a, b].map((i) => referencesTo(scene, i).find((reference) => reference.by === 'name'));
      if (!first || !second) return undefined;
      said.once.add('side-of');
      name(a, scene, said);
      name(b, scene, said);
      const slots = { ref: first.words, Is: capitalise(first.is), relation: relation.words, other: second.words };
      return make('side-of', 'side-of', slots);
    }
  }
}

function describeTurn(scene: Scene, said: Said, random: Random): Turn | undefined {
  if (said.named.size > 0 || said.denied.size > 0 || said.once.has('describe')) return undefined;
  said.once
    .add('describe')
    .add('background')
    .add('background-is')
    .add('count-all')
    .add('count-some')
    .add('colour-there')
    .add('category-there')
    .add('side-of');
  scene.objects.forEach((_, i) => {
    said.named.add(i);
    said.coloured.add(i);
    for (const type of ['place', 'relation', 'category']) said.once.add(`${type}/${i}`);
  });
  said.unasked = [];
  return { type: 'describe', question: ask('describe', {}, random), answer: captionOf(scene, random) };
}

/** A conversation in LLaVA's JSON. The picture is shown at the head of the first question. */
export function conversationOf(id: string, turns: readonly Turn[]): Conversation {
  return {
    id,
    image: `${id}.png`,
    conversations: turns.flatMap((turn, i) => [
      { from: 'human' as const, value: i === 0 ? `<image>\n${turn.question}` : turn.question },
      { from: 'gpt' as const, value: turn.answer },
    ]),
  };
}
