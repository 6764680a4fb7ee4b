import { relations } from './asks.ts';
import type { Turn } from './conversations.ts';
import { countable, countedScene } from './counting-items.ts';
import { capitalise, plural, verb } from './language.ts';
import { type Form, fill, seenPhrasings } from './phrasings.ts';
import type { Random } from './random.ts';
import { oneSign, twoSigns } from './reading-items.ts';
import { stands } from './relation-items.ts';
import type { MadeScene, SceneWish, World } from './world.ts';

const side: Pick<SceneWish, 'concepts' | 'vendors'> = { concepts: 'train', vendors: 'train' };

interface Lesson {
  made: MadeScene;
  turns: Turn[];
}

/** Scenes made for one skill, and what is asked about them. Every skill is as likely. */
const lessons: readonly ((id: string, world: World, random: Random) => Lesson | undefined)[] = [
  counting,
  reading,
  relation,
  refusal,
];

/** A scene and a conversation that practise counting from zero to five, reading, relations, or refusing to speak of what is not there. */
export function skillLesson(id: string, world: World, random: Random): Lesson {
  const lesson = random.pick(lessons);
  return world.drawUntil(id, () => lesson(id, world, random));
}

function ask(form: Form, slots: Record<string, string>, random: Random): string {
  return fill(random.pick(seenPhrasings(form)), slots);
}

function counting(id: string, world: World, random: Random): Lesson {
  const concept = random.pick(countable(world));
  const count = random.int(6);
  const made = countedScene(id, concept, count, side, world, random);
  const question = ask('count-some', { plural: plural(world.label(concept)) }, random);
  return { made, turns: [{ type: 'counting', question, answer: String(count) }] };
}

function reading(id: string, world: World, random: Random): Lesson {
  const [word, other] = random.shuffle(world.data.signs!.words.train) as [string, string];
  if (random.chance(0.5)) {
    const made = oneSign(id, word, side, world, random);
    return { made, turns: [{ type: 'reading', question: ask('sign', {}, random), answer: word }] };
  }
  const { made, ref } = twoSigns(id, { above: word, below: other }, side, world, random);
  const turns = random.shuffle(['above', 'below']).map((relation) => ({
    type: 'reading',
    question: ask('sign-at', { relation, ref }, random),
    answer: relation === 'above' ? word : other,
  }));
  return { made, turns };
}

/** One question about two things; a fair coin decides the answer before the scene is drawn. */
function relation(id: string, world: World, random: Random): Lesson | undefined {
  const answer = random.chance(0.5) ? 'yes' : 'no';
  const [a, b] = random.shuffle(world.trainIds) as [number, number];
  const between = random.pick(relations);
  const made = world.tryMake(id, { ...side, parts: [{ concept: a }, { concept: b }] }, random);
  if (!made) return undefined;
  const { target } = made;
  if (stands(made.scene, target, 1 - target, between) !== answer) return undefined;
  const slots = {
    ref: `the ${world.label(a)}`,
    Is: capitalise(verb(world.label(a))),
    relation: between.words,
    other: `the ${world.label(b)}`,
  };
  return { made, turns: [{ type: 'relation-pair', question: ask('side-of', slots, random), answer }] };
}

/** Asked where something is or what colour it has that is not there, the answer says so. */
function refusal(id: string, world: World, random: Random): Lesson | undefined {
  const made = world.tryMake(id, side, random);
  if (!made) return undefined;
  const present = new Set(made.scene.objects.map(({ concept }) => concept));
  const absent = world.label(random.pick(world.trainIds));
  if (present.has(absent)) return undefined;
  const slots = { ref: `the ${absent}`, is: verb(absent) };
  const question = ask(random.pick(['colour', 'place', 'box'] as const), slots, random);
  return { made, turns: [{ type: 'refusal', question, answer: `there ${verb(absent)} no ${absent}` }] };
}
