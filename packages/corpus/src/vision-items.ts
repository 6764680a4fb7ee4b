import { type Ask, asksOf, places, relations } from './asks.ts';
import { backgroundNames } from './backgrounds.ts';
import { captionReferences } from './captions.ts';
import { noCategory } from './categories.ts';
import { clutteredItem } from './cluttered-items.ts';
import { countingItem } from './counting-items.ts';
import { CorpusError } from './errors.ts';
import { deal, type MadeItem, phrase } from './item-parts.ts';
import { withArticle } from './language.ts';
import { type ColourName, colourNames, hues } from './palette.ts';
import { createRandom, type Random } from './random.ts';
import { readingItem } from './reading-items.ts';
import { relationItem } from './relation-items.ts';
import type { Scene, VisionItem, VisionSplit } from './types.ts';
import type { MadeScene, SceneWish, World } from './world.ts';

export type VisionTask =
  | 'open-vqa'
  | 'existence'
  | 'grounding'
  | 'captioning'
  | 'relations'
  | 'reading'
  | 'counting'
  | 'cluttered-grounding';

/** Question types of open-vqa in turn; held-out concepts have no names to ask for. */
const openTypes: Readonly<Record<VisionSplit, readonly string[]>> = {
  'new-scene': ['name', 'colour', 'background', 'count', 'place', 'relation', 'category'],
  'new-vendor': ['name', 'colour', 'background', 'count', 'place', 'relation', 'category'],
  'new-concept': ['colour', 'background', 'count', 'place', 'category'],
};

/**
 * Item number `index` of a task and split. Answers are dealt out evenly *before* the scene is made (the n-th item of a type gets the
 * n-th answer of a shuffled list), and the scene is drawn until it fits: no answer is more frequent than its share.
 */
export function visionItem(task: VisionTask, split: VisionSplit, index: number, world: World): MadeItem {
  const id = `${task}-${split}-${String(index).padStart(6, '0')}`;
  const random = createRandom(`${world.data.settings.seed}/${id}`);
  const side: Pick<SceneWish, 'concepts' | 'vendors'> = {
    concepts: split === 'new-concept' ? 'held-out' : 'train',
    vendors: split === 'new-vendor' ? 'held-out' : 'train',
  };
  switch (task) {
    case 'open-vqa':
      return openItem(id, split, index, side, world, random);
    case 'existence':
      return existenceItem(id, split, index, side, world, random);
    case 'grounding':
      return groundingItem(id, split, index, side, world, random);
    case 'captioning':
      return captioningItem(id, split, side, world, random);
    case 'relations':
      return relationItem({ id, split, index, side, world, random });
    case 'reading':
      return readingItem({ id, split, index, side, world, random });
    case 'counting':
      return countingItem({ id, split, index, side, world, random });
    case 'cluttered-grounding':
      return clutteredItem({ id, split, index, side, world, random });
  }
}

function openItem(
  id: string,
  split: VisionSplit,
  index: number,
  side: Pick<SceneWish, 'concepts' | 'vendors'>,
  world: World,
  random: Random,
): MadeItem {
  const types = openTypes[split];
  const type = types[index % types.length]!;
  const turn = Math.floor(index / types.length);
  const plan = planOf(type, turn, split, world);
  for (let tries = 0; tries < 5000; tries++) {
    const wish = plan.wish(random);
    const made = world.tryMake(id, { ...side, ...wish }, random);
    if (!made) continue;
    const fitting = asksOf(made.scene).filter((one) => one.type === type && plan.fits(one, made));
    if (fitting.length === 0) continue;
    const one = random.pick(fitting);
    const item: VisionItem = {
      id,
      task: 'open-vqa',
      split,
      type,
      ...phrase(one.form, one.slots, world, random),
      target: { kind: 'answers', answers: [one.answer] },
    };
    return { item, made };
  }
  throw new CorpusError(
    'not-enough-data',
    `No scene was found for ${id} (${type}, ${plan.what}) in 5000 draws; more concepts or smaller objects would help.`,
  );
}

interface Plan {
  what: string;
  wish(random: Random): Partial<SceneWish>;
  fits(ask: Ask, made: MadeScene): boolean;
}

function planOf(type: string, turn: number, split: VisionSplit, world: World): Plan {
  const pool = split === 'new-concept' ? world.heldOutIds : world.trainIds;
  const key = `${split}/${type}`;
  const most = world.data.settings.objectsPerScene.findLastIndex((weight) => weight > 0) + 1;
  switch (type) {
    case 'name': {
      const concept = deal(pool, turn, key, world);
      return {
        what: world.label(concept),
        wish: () => ({ target: { concept } }),
        fits: (ask, made) => ask.object === made.target,
      };
    }
    case 'colour': {
      // Asked by name, the answer must not follow from the name: any hue for any concept that can show it, turned where need be.
      // Asked by place, drawings keep their own colours.
      const byName = turn % 2 === 1 && split !== 'new-concept';
      const colour = byName
        ? deal(hues, turn >> 1, `${key}/named`, world)
        : deal(ownColours(split, world), turn >> 1, key, world);
      return {
        what: colour,
        wish: (random) => ({ target: { concept: random.pick(pool), colour, natural: !byName } }),
        fits: (ask, made) => ask.object === made.target && ask.answer === colour && ask.says.length > 0 === byName,
      };
    }
    case 'background': {
      const background = deal(backgroundNames, turn, key, world);
      return { what: background, wish: () => ({ background }), fits: () => true };
    }
    case 'count': {
      const objects = 1 + (turn % most);
      return { what: String(objects), wish: () => ({ objects }), fits: (ask) => ask.form === 'count-all' };
    }
    case 'place': {
      const place = deal(Object.keys(places), turn, key, world);
      return {
        what: place,
        wish: (random) => ({ target: { concept: random.pick(pool), within: places[place]! } }),
        fits: (ask, made) =>
          ask.object === made.target && ask.answer === place && (split !== 'new-concept' || ask.says.length === 0),
      };
    }
    case 'relation': {
      const concept = deal(pool, turn, key, world);
      const relation = relations[turn % relations.length]!.words;
      return {
        what: `${world.label(concept)} ${relation}`,
        wish: (random) => ({ objects: 2 + random.int(Math.min(2, most - 1)), target: { concept } }),
        fits: (ask, made) => ask.object === made.target && ask.slots['relation'] === relation,
      };
    }
    default: {
      const known = new Set(world.trainIds.map((id) => world.data.concepts[id]!.category));
      const kinds = [...new Set(pool.map((id) => world.data.concepts[id]!.category))].filter(
        (kind) => kind !== noCategory && known.has(kind),
      );
      const category = deal(kinds, turn, key, world);
      const members = pool.filter((id) => world.data.concepts[id]!.category === category);
      return {
        what: category,
        wish: (random) => ({ target: { concept: random.pick(members) } }),
        fits: (ask, made) => ask.object === made.target && ask.answer === category,
      };
    }
  }
}

/** Colours that some drawing of the pool has by itself. */
function ownColours(split: VisionSplit, world: World): ColourName[] {
  const pool = split === 'new-concept' ? world.heldOutIds : world.trainIds;
  const side = split === 'new-vendor' ? 'held-out' : 'train';
  const found = new Set<string>(pool.flatMap((id) => world.drawings(id, side).flat()).map((sprite) => sprite.colour));
  return colourNames.filter((name) => found.has(name));
}

const existenceTypes = ['random', 'popular', 'adversarial'] as const;

/**
 * Two items in a row ask the same question, one of a scene that has the concept and one of a scene that lacks it: the words alone are
 * worth exactly a coin toss. `popular` asks for the most frequent concepts; `adversarial` shows something of the same kind instead.
 */
function existenceItem(
  id: string,
  split: VisionSplit,
  index: number,
  side: Pick<SceneWish, 'concepts' | 'vendors'>,
  world: World,
  random: Random,
): MadeItem {
  const pair = index >> 1;
  const yes = index % 2 === 0;
  const type = existenceTypes[pair % existenceTypes.length]!;
  const shared = createRandom(`${world.data.settings.seed}/existence/${split}/${pair}`);
  const turn = Math.floor(pair / existenceTypes.length);
  const pool =
    type === 'popular'
      ? world.popularIds
      : type === 'adversarial'
        ? world.trainIds.filter((concept) => world.siblings(concept).length > 0)
        : world.trainIds;
  if (pool.length === 0)
    throw new CorpusError(
      'not-enough-data',
      `No two of the ${world.trainIds.length} concepts are of one kind, which ${type} questions need; raise concepts.`,
    );
  const concept = deal(pool, turn, `existence/${split}/${type}`, world);
  const words = phrase('existence', { a: withArticle(world.label(concept)) }, world, shared);
  const siblings = world.siblings(concept);
  const target = yes ? concept : type === 'adversarial' ? random.pick(siblings) : undefined;
  const made = world.make(
    id,
    { ...side, ...(target === undefined ? {} : { target: { concept: target } }), ...(yes ? {} : { never: concept }) },
    random,
  );
  return {
    made,
    item: { id, task: 'existence', split, type, ...words, target: { kind: 'yes-no', answer: yes ? 'yes' : 'no' } },
  };
}

/** Half the items have a second object of the same kind, so that any box of the kind will not do. */
function groundingItem(
  id: string,
  split: VisionSplit,
  index: number,
  side: Pick<SceneWish, 'concepts' | 'vendors'>,
  world: World,
  random: Random,
): MadeItem {
  const concept = deal(world.trainIds, index, `grounding/${split}`, world);
  const siblings = world.siblings(concept);
  const rival = index % 2 === 1 && siblings.length > 0;
  return world.drawUntil(id, () => {
    const made = world.make(
      id,
      { ...side, target: { concept }, ...(rival ? { objects: 2 + random.int(2), also: random.pick(siblings) } : {}) },
      random,
    );
    const one = asksOf(made.scene).find(
      (ask) => ask.type === 'grounding' && ask.object === made.target && ask.says.length > 0,
    );
    if (!one) return undefined;
    const { box } = made.scene.objects[made.target]!;
    return {
      made,
      item: {
        id,
        task: 'grounding',
        split,
        type: rival ? 'rival' : 'plain',
        ...phrase('box', one.slots, world, random),
        target: { kind: 'box', box },
      },
    };
  });
}

function captioningItem(
  id: string,
  split: VisionSplit,
  side: Pick<SceneWish, 'concepts' | 'vendors'>,
  world: World,
  random: Random,
): MadeItem {
  const made = world.make(id, side, random);
  return {
    made,
    item: {
      id,
      task: 'captioning',
      split,
      type: 'caption',
      ...phrase('describe', {}, world, random),
      target: {
        kind: 'caption',
        references: captionReferences(made.scene, 5, random),
        objects: objectNames(made.scene),
      },
    },
  };
}

function objectNames(scene: Scene): string[] {
  return [...new Set(scene.objects.map((object) => object.concept))];
}
