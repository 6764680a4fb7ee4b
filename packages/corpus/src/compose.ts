import { paintBackground } from './backgrounds.ts';
import type { Concept } from './concepts.ts';
import { type ColourName, turnHue } from './palette.ts';
import type { Random } from './random.ts';
import { resampleArea } from './resample.ts';
import { type Sprite, type SpriteSheet, spritePixels } from './sprites.ts';
import type { Scene, SceneObject } from './types.ts';

/** What to put into a scene; where it stands is drawn at random. */
export interface Placement {
  sprite: Sprite;
  /** Turn the hue so that this colour dominates; must be one of the sprite's `turns`. */
  recolour?: ColourName;
  /** Where its centre must lie, as shares of the picture. Default anywhere. */
  within?: readonly [x1: number, y1: number, x2: number, y2: number];
}

/** A drawn board with a word and where it stands. */
export interface SignPlacement {
  text: string;
  /** Premultiplied and opaque, [height, width, 4]. */
  rgba: Uint8Array;
  width: number;
  height: number;
  within?: Placement['within'];
}

export interface ComposeOptions {
  imageSize: number;
  /** Longer side of an object as a share of the picture, [smallest, largest]. */
  objectSize: readonly [number, number];
  /** Least share of an object's pixels that may stay visible. */
  minVisible: number;
  textureShare: number;
}

/** A picture and what it shows. */
export interface ComposedScene {
  scene: Scene;
  /** [size, size, 3] */
  rgb: Uint8Array;
}

/** Cells a side of `Scene.cells`. */
export const cellGrid = 16;

interface Stamp {
  x: number;
  y: number;
  width: number;
  height: number;
  rgba: Uint8Array;
  /** Opaque pixels in all and not yet covered. */
  opaque: number;
  seen: number;
  /** Least share of its pixels that must stay visible. */
  keep: number;
}

/** From this alpha on, a pixel belongs to the object. */
const opaqueAlpha = 128;
/** From this alpha on, a pixel belongs to the box around the object. */
const boxAlpha = 64;

/**
 * Composes a scene: a ground, then the objects one in front of the other, at random sizes and places, wholly inside the picture and
 * each visible enough. Signs come last and are never covered.
 * @returns the picture with its exact description, or undefined where no arrangement was found (too many or too large objects)
 */
export function composeScene(
  id: string,
  placements: readonly Placement[],
  background: string,
  sheet: SpriteSheet,
  concepts: readonly Concept[],
  options: ComposeOptions,
  random: Random,
  signs: readonly SignPlacement[] = [],
): ComposedScene | undefined {
  const size = options.imageSize;
  for (let attempt = 0; attempt < 6; attempt++) {
    const owner = new Uint8Array(size * size);
    const stamps: Stamp[] = [];
    for (const placement of placements) {
      const stamp = placeOne(placement, stamps, owner, sheet, options, random);
      if (!stamp) break;
      stamps.push(stamp);
    }
    if (stamps.length < placements.length) continue;
    const boards: Stamp[] = [];
    for (const sign of signs) {
      const stamp = settle({ ...sign, keep: 1 }, [...stamps, ...boards], owner, size, random);
      if (!stamp) break;
      boards.push(stamp);
    }
    if (boards.length < signs.length) continue;
    const rgb = new Uint8Array(size * size * 3);
    const ground = paintBackground(rgb, size, background, random, options.textureShare);
    for (const stamp of [...stamps, ...boards]) blend(rgb, size, stamp);
    const objects = stamps.map((stamp, i) => describe(stamp, placements[i]!, concepts, size));
    return {
      rgb,
      scene: {
        id,
        width: size,
        height: size,
        background: { name: background, rgb: ground },
        objects,
        ...(boards.length > 0
          ? { signs: boards.map((board, i) => ({ text: signs[i]!.text, box: boxOf(board, size) })) }
          : {}),
        cells: summariseOwners(owner, size, stamps.length),
      },
    };
  }
  return undefined;
}

function placeOne(
  placement: Placement,
  behind: Stamp[],
  owner: Uint8Array,
  sheet: SpriteSheet,
  options: ComposeOptions,
  random: Random,
): Stamp | undefined {
  const { sprite } = placement;
  const size = options.imageSize;
  const longest = Math.max(sprite.width, sprite.height);
  const scale = (random.between(...options.objectSize) * size) / longest;
  const width = Math.max(1, Math.round(sprite.width * scale));
  const height = Math.max(1, Math.round(sprite.height * scale));
  const rgba = resampleArea(spritePixels(sheet, sprite), sprite.width, sprite.height, width, height);
  const drawing = { width, height, rgba, keep: options.minVisible, within: placement.within };
  const stamp = settle(drawing, behind, owner, size, random);
  if (stamp && placement.recolour) recolour(rgba, sprite.turns[placement.recolour]!);
  return stamp;
}

/** Finds a place at which everything behind stays visible enough, and takes it. */
function settle(
  drawing: Pick<Stamp, 'width' | 'height' | 'rgba' | 'keep'> & { within?: Placement['within'] },
  behind: readonly Stamp[],
  owner: Uint8Array,
  size: number,
  random: Random,
): Stamp | undefined {
  const { width, height, rgba, keep } = drawing;
  const [u1, v1, u2, v2] = drawing.within ?? [0, 0, 1, 1];
  const range = (low: number, high: number, length: number): [number, number] => [
    Math.max(0, Math.ceil(low * size - length / 2)),
    Math.min(size - length, Math.floor(high * size - length / 2)),
  ];
  const [xLow, xHigh] = range(u1, u2, width);
  const [yLow, yHigh] = range(v1, v2, height);
  if (xLow > xHigh || yLow > yHigh) return undefined;
  const id = behind.length + 1;
  for (let attempt = 0; attempt < 24; attempt++) {
    const x = xLow + random.int(xHigh - xLow + 1);
    const y = yLow + random.int(yHigh - yLow + 1);
    const covered = new Array<number>(behind.length).fill(0);
    let opaque = 0;
    for (let j = 0; j < height; j++)
      for (let i = 0; i < width; i++) {
        if (rgba[(j * width + i) * 4 + 3]! < opaqueAlpha) continue;
        opaque++;
        const below = owner[(y + j) * size + x + i]!;
        if (below > 0) covered[below - 1]!++;
      }
    if (opaque === 0) return undefined;
    if (behind.some((stamp, k) => stamp.seen - covered[k]! < stamp.keep * stamp.opaque)) continue;
    behind.forEach((stamp, k) => {
      stamp.seen -= covered[k]!;
    });
    for (let j = 0; j < height; j++)
      for (let i = 0; i < width; i++)
        if (rgba[(j * width + i) * 4 + 3]! >= opaqueAlpha) owner[(y + j) * size + x + i] = id;
    return { x, y, width, height, rgba, opaque, seen: opaque, keep };
  }
  return undefined;
}

function recolour(rgba: Uint8Array, degrees: number): void {
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3]!;
    if (alpha === 0) continue;
    const full = (c: number): number => Math.min(255, Math.round((rgba[i + c]! * 255) / alpha));
    const turned = turnHue(full(0), full(1), full(2), degrees);
    for (let c = 0; c < 3; c++) rgba[i + c] = Math.round((turned[c]! * alpha) / 255);
  }
}

function blend(rgb: Uint8Array, size: number, stamp: Stamp): void {
  for (let j = 0; j < stamp.height; j++)
    for (let i = 0; i < stamp.width; i++) {
      const from = (j * stamp.width + i) * 4;
      const alpha = stamp.rgba[from + 3]!;
      if (alpha === 0) continue;
      const to = ((stamp.y + j) * size + stamp.x + i) * 3;
      for (let c = 0; c < 3; c++)
        rgb[to + c] = Math.min(255, stamp.rgba[from + c]! + Math.round((rgb[to + c]! * (255 - alpha)) / 255));
    }
}

/** Around every pixel that is not next to transparent, as shares of the picture. */
function boxOf(stamp: Stamp, size: number): [number, number, number, number] {
  let [x1, y1, x2, y2] = [stamp.width, stamp.height, 0, 0];
  for (let j = 0; j < stamp.height; j++)
    for (let i = 0; i < stamp.width; i++)
      if (stamp.rgba[(j * stamp.width + i) * 4 + 3]! >= boxAlpha) {
        if (i < x1) x1 = i;
        if (i >= x2) x2 = i + 1;
        if (j < y1) y1 = j;
        if (j >= y2) y2 = j + 1;
      }
  const share = (pixels: number): number => Math.round((pixels / size) * 1e4) / 1e4;
  return [share(stamp.x + x1), share(stamp.y + y1), share(stamp.x + x2), share(stamp.y + y2)];
}

function describe(stamp: Stamp, placement: Placement, concepts: readonly Concept[], size: number): SceneObject {
  const { sprite } = placement;
  const concept = concepts[sprite.concept]!;
  return {
    concept: concept.label,
    category: concept.category,
    subcategory: concept.subcategory,
    vendor: sprite.vendor,
    colour: placement.recolour ?? sprite.colour,
    ...(placement.recolour ? { recoloured: true } : {}),
    box: boxOf(stamp, size),
    visible: Math.round((stamp.seen / stamp.opaque) * 1e4) / 1e4,
  };
}

/** A cell belongs to an object from this share on, even if more of it is ground: thin things are things. */
const minOwned = 0.25;

/** Signs come after the objects and count as ground. */
function ownerAt(owner: number, objects: number): number {
  return owner <= objects ? owner : 0;
}

/** Which object owns most of each of 16 × 16 cells. */
function summariseOwners(owner: Uint8Array, size: number, objects: number): string {
  const counts = new Uint32Array(cellGrid * cellGrid * (objects + 1));
  for (let y = 0; y < size; y++) {
    const row = Math.floor((y * cellGrid) / size) * cellGrid;
    for (let x = 0; x < size; x++)
      counts[(row + Math.floor((x * cellGrid) / size)) * (objects + 1) + ownerAt(owner[y * size + x]!, objects)]!++;
  }
  let cells = '';
  for (let cell = 0; cell < cellGrid * cellGrid; cell++) {
    let [best, pixels] = [0, 0];
    for (let k = 0; k <= objects; k++) pixels += counts[cell * (objects + 1) + k]!;
    for (let k = 1; k <= objects; k++) {
      const owned = counts[cell * (objects + 1) + k]!;
      if (owned >= minOwned * pixels && (best === 0 || owned > counts[cell * (objects + 1) + best]!)) best = k;
    }
    cells += best === 0 ? '.' : (best - 1).toString(36);
  }
  return cells;
}
