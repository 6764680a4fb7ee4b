import { backgroundNames } from './backgrounds.ts';
import { type ComposedScene, composeScene, type Placement, type SignPlacement } from './compose.ts';
import type { Concept } from './concepts.ts';
import { CorpusError } from './errors.ts';
import { groupBy } from './group-by.ts';
import type { ColourName } from './palette.ts';
import type { Random } from './random.ts';
import type { CorpusSettings } from './settings.ts';
import type { Signs } from './signs.ts';
import type { Sprite, SpriteSheet } from './sprites.ts';
import { vendors } from './vendors.ts';

/** Everything scenes are made from; plain data, so that it can be given to a worker thread. */
export interface WorldData {
  settings: CorpusSettings;
  /** Training concepts first, then the held-out ones. */
  concepts: Concept[];
  trainConcepts: number;
  sheet: SpriteSheet;
  heldOutVendor: string;
  /** Words and letters of signs, where the settings ask for any. */
  signs?: Signs;
}

/** One wished-for object. */
export interface ObjectWish {
  concept?: number;
  colour?: ColourName;
  /** Only drawings that have the colour by themselves. */
  natural?: boolean;
  within?: Placement['within'];
}

/** What a scene must show; whatever is left out is drawn at random. */
export interface SceneWish {
  concepts: 'train' | 'held-out';
  vendors: 'train' | 'held-out';
  objects?: number;
  background?: string;
  /** The object that a question is about. */
  target?: ObjectWish;
  /** Every object, the target first; nothing else is drawn. */
  parts?: readonly (ObjectWish & { concept: number })[];
  /** Default: that of the settings. */
  objectSize?: readonly [number, number];
  signs?: readonly SignPlacement[];
  /** Another concept that must be there. */
  also?: number;
  /** A concept that must not be there. */
  never?: number;
}

/** A scene and which of its objects was wished for. */
export interface MadeScene extends ComposedScene {
  target: number;
}

/** Makes scenes. Each call draws only from the generator it is given. */
export class World {
  readonly data: WorldData;
  readonly trainIds: readonly number[];
  readonly heldOutIds: readonly number[];
  /** A quarter of the training concepts is twice as frequent: what POPE calls popular. */
  readonly popularIds: readonly number[];
  readonly #drawings: Map<string, Sprite[][]>;

  constructor(data: WorldData) {
    this.data = data;
    this.trainIds = data.concepts.slice(0, data.trainConcepts).map((_, i) => i);
    this.heldOutIds = data.concepts.slice(data.trainConcepts).map((_, i) => i + data.trainConcepts);
    this.popularIds = this.trainIds.filter((id) => id % 4 === 0);
    // Per concept and side of the vendor split: the drawings of each style, so that every style is as likely.
    const roleOf = new Map(vendors.map((vendor) => [vendor.id, vendor]));
    this.#drawings = new Map();
    for (const [key, sprites] of groupBy(data.sheet.sprites, (sprite) => {
      const role = roleOf.get(sprite.vendor)!.role;
      return `${sprite.concept}/${role === 'train' ? 'train' : 'held-out'}`;
    }))
      this.#drawings.set(key, [...groupBy(sprites, (sprite) => roleOf.get(sprite.vendor)!.style).values()]);
  }

  label(id: number): string {
    return this.data.concepts[id]!.label;
  }

  /** Concepts of the same subgroup, or of the same category where the subgroup has no other. */
  siblings(id: number): number[] {
    const self = this.data.concepts[id]!;
    const others = this.trainIds.filter((other) => other !== id);
    const near = others.filter((other) => this.data.concepts[other]!.subcategory === self.subcategory);
    return near.length > 0 ? near : others.filter((other) => this.data.concepts[other]!.category === self.category);
  }

  /** All drawings of a concept on one side of the vendor split. */
  drawings(concept: number, side: SceneWish['vendors']): Sprite[][] {
    return this.#drawings.get(`${concept}/${side}`) ?? [];
  }

  /** A training concept, popular ones twice as likely. */
  drawConcept(random: Random): number {
    while (true) {
      const id = random.pick(this.trainIds);
      if (id % 4 === 0 || random.chance(0.5)) return id;
    }
  }

  /** A scene for a wish, or undefined where a draw did not work out; the caller draws again. */
  tryMake(id: string, wish: SceneWish, random: Random): MadeScene | undefined {
    const { settings, sheet, concepts } = this.data;
    const count = wish.objects ?? 1 + random.weighted(settings.objectsPerScene);
    const chosen = wish.parts?.map(({ concept }) => concept) ?? this.#chooseConcepts(wish, count, random);
    if (!chosen) return undefined;
    const placements: Placement[] = [];
    for (const [i, concept] of chosen.entries()) {
      const part = wish.parts ? wish.parts[i] : i === 0 ? wish.target : undefined;
      const placement = this.#choosePlacement(concept, wish.vendors, part, random);
      if (!placement) return undefined;
      placements.push(placement);
    }
    const avoid = new Set<string>(placements.flatMap(({ sprite, recolour }) => (recolour ? [recolour] : sprite.avoid)));
    if (wish.background !== undefined && avoid.has(wish.background)) return undefined;
    const grounds = backgroundNames.filter((name) => !avoid.has(name));
    if (grounds.length === 0) return undefined;
    const background = wish.background ?? random.pick(grounds);
    const order = random.shuffle(placements.map((_, i) => i));
    const composed = composeScene(
      id,
      order.map((i) => placements[i]!),
      background,
      sheet,
      concepts,
      wish.objectSize ? { ...settings, objectSize: wish.objectSize } : settings,
      random,
      wish.signs,
    );
    return composed && { ...composed, target: order.indexOf(0) };
  }

  /** A scene for a wish; draws until one works out. @throws CorpusError `not-enough-data` */
  make(id: string, wish: SceneWish, random: Random): MadeScene {
    return this.drawUntil(id, () => this.tryMake(id, wish, random));
  }

  /**
   * Draws until one works out. Some settings ask for what no picture can show, so that it does not go on for ever.
   * @param draw gives undefined where it did not work out
   * @throws CorpusError `not-enough-data`
   */
  drawUntil<T>(id: string, draw: () => T | undefined): T {
    for (let tries = 0; tries < 5000; tries++) {
      const drawn = draw();
      if (drawn !== undefined) return drawn;
    }
    const { objectsPerScene, objectSize, minVisible } = this.data.settings;
    throw new CorpusError(
      'not-enough-data',
      `No scene was found for ${id} in 5000 draws with objectsPerScene ${JSON.stringify(objectsPerScene)}, objectSize ${JSON.stringify(objectSize)} and minVisible ${minVisible}; fewer or smaller objects, a lower minVisible or more concepts would help.`,
    );
  }

  #chooseConcepts(wish: SceneWish, count: number, random: Random): number[] | undefined {
    const heldOut = wish.concepts === 'held-out';
    const fresh = (): number => (heldOut ? random.pick(this.heldOutIds) : this.drawConcept(random));
    const chosen = [wish.target?.concept ?? fresh()];
    if (wish.also !== undefined && count > 1) chosen.push(wish.also);
    for (let tries = 0; chosen.length < count && tries < 50; tries++) {
      const luck = random.next();
      const like = chosen[random.int(chosen.length)]!;
      // Some neighbours of a kind and some repetitions: otherwise nobody needs to look closely or to count a kind.
      if (luck < 0.1) chosen.push(like);
      else {
        const kin = luck < 0.3 && !heldOut ? this.siblings(like) : [];
        const next = kin.length > 0 ? random.pick(kin) : fresh();
        if (!chosen.includes(next)) chosen.push(next);
      }
    }
    if (chosen.length < count || (wish.never !== undefined && chosen.includes(wish.never))) return undefined;
    return chosen;
  }

  #choosePlacement(
    concept: number,
    vendors: SceneWish['vendors'],
    target: ObjectWish | undefined,
    random: Random,
  ): Placement | undefined {
    const styles = this.drawings(concept, vendors);
    if (styles.length === 0) return undefined;
    const within = target?.within ? { within: target.within } : {};
    if (target?.colour) {
      const colour = target.colour;
      const all = styles.flat();
      const natural = all.filter((sprite) => sprite.colour === colour);
      const turned = target.natural ? [] : all.filter((sprite) => sprite.turns[colour] !== undefined);
      if (natural.length + turned.length === 0) return undefined;
      const pickNatural = natural.length > 0 && (turned.length === 0 || random.chance(0.5));
      return pickNatural
        ? { sprite: random.pick(natural), ...within }
        : { sprite: random.pick(turned), recolour: colour, ...within };
    }
    const sprite = random.pick(random.pick(styles));
    const reachable = Object.keys(sprite.turns) as ColourName[];
    if (!target?.natural && reachable.length > 0 && random.chance(this.data.settings.recolouredShare))
      return { sprite, recolour: random.pick(reachable), ...within };
    return { sprite, ...within };
  }
}
