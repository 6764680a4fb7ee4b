import { noCategory } from './categories.ts';
import { capitalise, plural, verb } from './language.ts';
import { colourNames, mixedColour } from './palette.ts';
import type { Form } from './phrasings.ts';
import type { Scene, SceneObject } from './types.ts';

/** A question about a scene that has exactly one right answer. */
export interface Ask {
  /** What is asked for: name, colour, count, background, place, relation, category, grounding. */
  type: string;
  form: Form;
  slots: Record<string, string>;
  answer: string;
  /** The object asked about, if it is one. */
  object?: number;
  /** Objects whose name the question says. */
  says: number[];
  /** Objects whose name the answer says. */
  tells: number[];
  /** Objects whose colour the question says or the answer tells. */
  colours: number[];
}

export type Side = 'left' | 'right' | 'top' | 'bottom';
export const sides: readonly Side[] = ['left', 'right', 'top', 'bottom'];

/** Parts of a picture that are answers to "where": name and where an object's centre must lie. */
export const places: Readonly<Record<string, readonly [number, number, number, number]>> = {
  'top left': [0, 0, 0.4, 0.4],
  'top right': [0.6, 0, 1, 0.4],
  'bottom left': [0, 0.6, 0.4, 1],
  'bottom right': [0.6, 0.6, 1, 1],
  center: [0.42, 0.42, 0.58, 0.58],
};

/** What stands between two objects: words, and the axis and sign of the second's centre minus the first's. */
export const relations: readonly { words: string; axis: 0 | 1; sign: 1 | -1 }[] = [
  { words: 'to the left of', axis: 0, sign: 1 },
  { words: 'to the right of', axis: 0, sign: -1 },
  { words: 'above', axis: 1, sign: 1 },
  { words: 'below', axis: 1, sign: -1 },
];

/** Differences below the first are no difference, above the second a clear one (shares of the picture). */
const unclear = 0.05;
export const clearlyApart = 0.14;

export function centre(object: SceneObject): [number, number] {
  return [(object.box[0] + object.box[2]) / 2, (object.box[1] + object.box[3]) / 2];
}

/** `[0.12, 0.30, 0.45, 0.77]` */
export function boxText(box: readonly number[]): string {
  return `[${box.map((value) => value.toFixed(2)).join(', ')}]`;
}

/** The part of the picture an object is clearly in. */
export function placeOf(object: SceneObject): string | undefined {
  const [x, y] = centre(object);
  return Object.entries(places).find(([, [x1, y1, x2, y2]]) => x >= x1 && x <= x2 && y >= y1 && y <= y2)?.[0];
}

/** Indices of objects that clearly stand at a relation to object `to`, or undefined where one of them is a close call. */
export function standing(scene: Scene, to: number, relation: (typeof relations)[number]): number[] | undefined {
  const at = centre(scene.objects[to]!)[relation.axis];
  const found: number[] = [];
  for (const [i, object] of scene.objects.entries()) {
    if (i === to) continue;
    const ahead = (at - centre(object)[relation.axis]) * relation.sign;
    if (ahead >= clearlyApart) found.push(i);
    else if (ahead > -unclear) return undefined;
  }
  return found;
}

/** The object that is clearly the outermost on a side, among two or more. */
export function outermost(scene: Scene, side: Side): number | undefined {
  if (scene.objects.length < 2) return undefined;
  const axis = side === 'left' || side === 'right' ? 0 : 1;
  const sign = side === 'left' || side === 'top' ? 1 : -1;
  const order = scene.objects.map((object, i) => ({ i, at: centre(object)[axis] * sign })).sort((a, b) => a.at - b.at);
  return order[1]!.at - order[0]!.at >= clearlyApart ? order[0]!.i : undefined;
}

/** Words for a side: `on the left`, `at the top`. */
export function sideWords(side: Side): string {
  return side === 'left' || side === 'right' ? `on the ${side}` : `at the ${side}`;
}

/** A way to speak of one object without leaving doubt. */
interface Reference {
  words: string;
  is: 'is' | 'are';
  by: 'only' | 'side' | 'colour' | 'name';
}

/** Every unambiguous way to speak of an object. */
export function referencesTo(scene: Scene, index: number): Reference[] {
  const object = scene.objects[index]!;
  const found: Reference[] = [];
  if (scene.objects.length === 1) found.push({ words: 'the object', is: 'is', by: 'only' });
  for (const side of sides)
    if (outermost(scene, side) === index) found.push({ words: `the object ${sideWords(side)}`, is: 'is', by: 'side' });
  if (scene.objects.length > 1 && isOnlyOfColour(scene, index))
    found.push({ words: `the ${object.colour} object`, is: 'is', by: 'colour' });
  if (isOnlyOfConcept(scene, index))
    found.push({ words: `the ${object.concept}`, is: verb(object.concept), by: 'name' });
  return found;
}

function isOnlyOfConcept(scene: Scene, index: number): boolean {
  return scene.objects.every((other, i) => i === index || other.concept !== scene.objects[index]!.concept);
}

/** A mixed object may well have parts of the colour, so there must be none beside it. */
function isOnlyOfColour(scene: Scene, index: number): boolean {
  const { colour } = scene.objects[index]!;
  return (
    colour !== mixedColour &&
    scene.objects.every((other, i) => i === index || (other.colour !== colour && other.colour !== mixedColour))
  );
}

/** All open questions a scene can answer. */
export function asksOf(scene: Scene): Ask[] {
  const asks: Ask[] = [];
  const add = (
    type: string,
    form: Form,
    slots: Record<string, string>,
    answer: string,
    rest: Partial<Ask> = {},
  ): void => {
    asks.push({ type, form, slots, answer, says: [], tells: [], colours: [], ...rest });
  };
  add('background', 'background', {}, scene.background.name);
  add('count', 'count-all', {}, String(scene.objects.length));
  scene.objects.forEach((object, i) => {
    const same = scene.objects.filter((other) => other.concept === object.concept).length;
    if (same > 1 && scene.objects.findIndex((other) => other.concept === object.concept) === i)
      add('count', 'count-some', { plural: plural(object.concept) }, String(same), { says: [i] });
    if (scene.objects.length === 1) add('name', 'name-only', {}, object.concept, { object: i, tells: [i] });
    for (const side of sides)
      if (outermost(scene, side) === i)
        add('name', 'name-side', { side: sideWords(side) }, object.concept, { object: i, tells: [i] });
    if (isOnlyOfColour(scene, i) && !object.concept.includes(object.colour))
      add('name', 'name-colour', { colour: object.colour }, object.concept, { object: i, tells: [i], colours: [i] });
    for (const reference of referencesTo(scene, i)) {
      const slots = {
        ref: reference.words,
        Ref: capitalise(reference.words),
        is: reference.is,
        Is: capitalise(reference.is),
      };
      const says = reference.by === 'name' ? [i] : [];
      const colours = reference.by === 'colour' ? [i] : [];
      const isColourWord = colourNames.some((name) => object.concept.split(' ').includes(name));
      if (object.colour !== mixedColour && reference.by !== 'colour' && !(reference.by === 'name' && isColourWord))
        add('colour', 'colour', slots, object.colour, { object: i, says, colours: [i] });
      if (object.category !== noCategory && reference.by !== 'name')
        add('category', 'category', slots, object.category, { object: i, says, colours });
      const place = placeOf(object);
      if (place && reference.by !== 'side') add('place', 'place', slots, place, { object: i, says, colours });
      if (reference.by !== 'side') add('grounding', 'box', slots, boxText(object.box), { object: i, says, colours });
      if (reference.by === 'name')
        for (const relation of relations) {
          const found = standing(scene, i, relation);
          if (found?.length === 1)
            add('relation', 'relation', { ...slots, relation: relation.words }, scene.objects[found[0]!]!.concept, {
              object: found[0]!,
              says,
              tells: found,
            });
        }
    }
  });
  return asks;
}
