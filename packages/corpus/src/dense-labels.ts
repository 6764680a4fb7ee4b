import { cellGrid } from './compose.ts';
import { CorpusError } from './errors.ts';
import type { Scene } from './types.ts';

/** The orders that label numbers refer to; `manifest.vocabulary` holds them. */
export interface LabelVocabulary {
  concepts: readonly string[];
  colours: readonly string[];
  backgrounds: readonly string[];
}

export interface DenseLabels {
  /** [grid · grid], row by row: 0 where no object covers enough of the cell, else 1 + index of the concept. */
  concept: Int32Array;
  /** [grid · grid]: 0, else 1 + index of the colour. */
  colour: Int32Array;
  /** Index of the ground. */
  background: number;
}

/** An object must own this share of a cell to give it its label. */
const minShare = 0.15;

/**
 * What each cell of a grid over a scene shows: the object that owns most of its pixels.
 * @param options.grid cells a side; exact where it divides 16, else from the objects' boxes
 * @param options.concepts usually `manifest.vocabulary.concepts`
 * @throws CorpusError `unknown-label` for a scene with something outside the vocabularies, e.g. a held-out concept
 * @example denseLabels(scene, { grid: 4, ...manifest.vocabulary }).concept // Int32Array(16)
 */
export function denseLabels(scene: Scene, options: { grid: number } & LabelVocabulary): DenseLabels {
  const { grid } = options;
  const labels = scene.objects.map((object) => ({
    concept: 1 + indexIn(options.concepts, object.concept, 'concept', scene),
    colour: 1 + indexIn(options.colours, object.colour, 'colour', scene),
  }));
  const concept = new Int32Array(grid * grid);
  const colour = new Int32Array(grid * grid);
  const shares =
    scene.cells !== undefined && cellGrid % grid === 0
      ? sharesFromCells(scene.cells, labels.length, grid)
      : sharesFromBoxes(scene, grid);
  for (let cell = 0; cell < grid * grid; cell++) {
    let best = -1;
    for (let i = 0; i < labels.length; i++) {
      const owned = shares[i]![cell]!;
      if (owned >= minShare && (best < 0 || owned > shares[best]![cell]!)) best = i;
    }
    if (best >= 0) {
      concept[cell] = labels[best]!.concept;
      colour[cell] = labels[best]!.colour;
    }
  }
  return { concept, colour, background: indexIn(options.backgrounds, scene.background.name, 'background', scene) };
}

function indexIn(list: readonly string[], value: string, what: string, scene: Scene): number {
  const index = list.indexOf(value);
  if (index < 0)
    throw new CorpusError(
      'unknown-label',
      `Scene ${scene.id} has the ${what} ${JSON.stringify(value)}, which is not among the ${list.length} ${what}s given.`,
    );
  return index;
}

/** Share of each cell that each object owns, from the scene's 16 × 16 map. */
function sharesFromCells(cells: string, objects: number, grid: number): Float64Array[] {
  const shares = Array.from({ length: objects }, () => new Float64Array(grid * grid));
  const per = cellGrid / grid;
  for (let i = 0; i < cells.length; i++) {
    if (cells[i] === '.') continue;
    const owner = Number.parseInt(cells[i]!, 36);
    const cell = Math.floor(Math.floor(i / cellGrid) / per) * grid + Math.floor((i % cellGrid) / per);
    shares[owner]![cell]! += 1 / (per * per);
  }
  return shares;
}

/** The same from boxes alone: for scenes without the map. */
function sharesFromBoxes(scene: Scene, grid: number): Float64Array[] {
  return scene.objects.map(({ box: [x1, y1, x2, y2] }) => {
    const overlap = (low: number, high: number, cell: number): number =>
      Math.max(0, Math.min(high * grid, cell + 1) - Math.max(low * grid, cell));
    return Float64Array.from(
      { length: grid * grid },
      (_, cell) => overlap(x1, x2, cell % grid) * overlap(y1, y2, Math.floor(cell / grid)),
    );
  });
}
