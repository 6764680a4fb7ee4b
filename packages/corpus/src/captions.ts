import { centre, outermost, relations, sides, sideWords, standing } from './asks.ts';
import { groupBy } from './group-by.ts';
import { capitalise, isPlural, listOf, numberWord, plural, withArticle } from './language.ts';
import { mixedColour } from './palette.ts';
import type { Random } from './random.ts';
import type { Scene, SceneObject } from './types.ts';

/** `a red telephone`, `a red telephone` without its colour, `two taxis`. */
function nounPhrase(objects: readonly SceneObject[], withColour: boolean): string {
  const { concept } = objects[0]!;
  const colours = new Set(objects.map((object) => object.colour));
  const colour = colours.size === 1 ? [...colours][0]! : mixedColour;
  const adjective = withColour && colour !== mixedColour && !concept.includes(colour) ? colour : '';
  if (objects.length === 1) return withArticle(concept, adjective);
  return [numberWord(objects.length), adjective, plural(concept)].filter(Boolean).join(' ');
}

/** Things of a kind together: `a cat, two taxis and a bell`. */
function inventory(scene: Scene, random: Random): string {
  const kinds = random.shuffle([...groupBy(scene.objects, (object) => object.concept).values()]);
  return listOf(kinds.map((kind) => nounPhrase(kind, random.chance(0.6))));
}

/** Where something is, in words that are never wrong: `in the top left`, `on the right`, `in the middle`. */
function whereabouts(object: SceneObject): string {
  const [x, y] = centre(object);
  const across = x < 0.4 ? 'left' : x > 0.6 ? 'right' : '';
  const down = y < 0.4 ? 'top' : y > 0.6 ? 'bottom' : '';
  if (across && down) return `in the ${down} ${across}`;
  if (across) return `on the ${across}`;
  if (down) return `at the ${down}`;
  return 'in the middle';
}

function ground(scene: Scene, random: Random): string {
  const { name } = scene.background;
  const a = withArticle('background', name);
  return random.pick([`on ${a}`, `on ${name}`, `in front of ${a}`]);
}

/** The ways to caption a scene; each returns nothing where it does not fit. */
const templates: readonly ((scene: Scene, random: Random) => string | undefined)[] = [
  (scene, random) => `${inventory(scene, random)} ${ground(scene, random)}.`,
  (scene, random) => `The picture shows ${inventory(scene, random)}. The background is ${scene.background.name}.`,
  (scene, random) => {
    const parts = random
      .shuffle(scene.objects)
      .slice(0, 3)
      .map((object) => `${nounPhrase([object], random.chance(0.6))} ${whereabouts(object)}`);
    return scene.objects.length <= 3
      ? `There ${thereIs(scene, parts)} ${listOf(parts)}, ${ground(scene, random)}.`
      : undefined;
  },
  (scene, random) =>
    scene.objects.length > 1
      ? `${numberWord(scene.objects.length)} objects ${ground(scene, random)}: ${inventory(scene, random)}.`
      : undefined,
  (scene, random) => {
    const related = aRelation(scene, random);
    return related && scene.objects.length === 2 ? `${related} ${ground(scene, random)}.` : undefined;
  },
  (scene, random) => {
    const related = aRelation(scene, random);
    return related && scene.objects.length > 2
      ? `${numberWord(scene.objects.length)} objects. ${capitalise(related)}.`
      : undefined;
  },
  (scene, random) => {
    const side = random.pick(sides);
    const object = outermost(scene, side);
    if (object === undefined) return undefined;
    return `${sideWords(side)} is ${nounPhrase([scene.objects[object]!], true)}, and the background is ${scene.background.name}.`;
  },
  (scene, random) => {
    if (scene.objects.length !== 1) return undefined;
    const [object] = scene.objects;
    const about =
      random.chance(0.5) && object!.colour !== mixedColour
        ? `its colour is ${object!.colour}`
        : `it is ${whereabouts(object!)}`;
    return isPlural(object!.concept) ? undefined : `This is ${withArticle(object!.concept)}; ${about}.`;
  },
];

function thereIs(scene: Scene, parts: readonly string[]): string {
  return parts.length === 1 && !isPlural(scene.objects[0]!.concept) ? 'is' : parts.length > 1 ? 'are' : 'is';
}

function aRelation(scene: Scene, random: Random): string | undefined {
  const [relation, to] = [random.pick(relations), random.int(scene.objects.length)];
  const found = standing(scene, to, relation);
  if (found?.length !== 1) return undefined;
  const [a, b] = [scene.objects[found[0]!]!, scene.objects[to]!];
  if (a.concept === b.concept) return undefined;
  return `${nounPhrase([a], random.chance(0.6))} ${relation.words} ${nounPhrase([b], random.chance(0.6))}`;
}

/** A short true caption, one of many ways to put it. */
export function captionOf(scene: Scene, random: Random): string {
  while (true) {
    const caption = random.pick(templates)(scene, random);
    if (caption) return capitalise(caption);
  }
}

/** Some different captions of one scene, the references of captioning items. */
export function captionReferences(scene: Scene, count: number, random: Random): string[] {
  const references = new Set<string>();
  for (let tries = 0; references.size < count && tries < 100; tries++) references.add(captionOf(scene, random));
  return [...references];
}
