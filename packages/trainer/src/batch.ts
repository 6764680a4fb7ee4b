/**
 * Batches as the engine takes them: fixed shapes, so that each is compiled once. What varies is the number of patches; it is rounded
 * up to one of a few sizes, and each size is a *variant* with its own compiled graph.
 *
 * Legend: B rows, T positions, N patches of the batch, F features of a patch.
 */
import type { NamedArrays, Signature } from '@vlm/jit';
import { TrainerError } from './trainer-error.ts';
import type { TrainingItem } from './training-item.ts';

export interface Batch {
  /** int32 [B, T] input ids. */
  tokens_BT: Int32Array;
  /** int32 [B, T] the id that follows each input. */
  targets_BT: Int32Array;
  /** float32 [B, T] 1 where the target carries loss, else 0. */
  weights_BT: Float32Array;
  /** int32 [B, T] 0 where the position is text, n + 1 where it shows row n of `patches_NF`. */
  slots_BT: Int32Array;
  /** float32 [N, F], or [N / cellsPerImage, F] whole pictures; rows after the last used one are zero. */
  patches_NF: Float32Array;
  /**
   * int32 [B, T] which item of the row a position belongs to, from 1: the item of its *target*, so that the token which ends one item is what
   * the next one begins with. 0 where the row is padded. Left out of what the step is given unless the shape asks for `items`.
   */
  items_BT: Int32Array;
}

export interface BatchShape {
  /** B, rows. */
  batch: number;
  /** T, positions of a row; a row holds T + 1 tokens. */
  length: number;
  /** F, width of a patch; 0 for text alone. Of whole pictures: side · side · 3. */
  features: number;
  /** The sizes that N may take, ascending; 0 means a variant without patches. */
  sizes: readonly number[];
  /**
   * Set where the step encodes the pictures itself: an item's `patches` are then whole pictures, each behind that many placeholders, and the step is
   * given `images_MSS3`. `sizes` still count placeholders, in multiples of this.
   */
  cellsPerImage?: number;
  /** Whether the step is told which item each position belongs to (attention within items). Default false. */
  items?: boolean;
}

/**
 * Sizes that serve most mixes: none, a quarter, half and all of the positions, rounded up to whole images.
 *
 * @param shape B, T, and `imageTokens`, the patches of one image (0 for text alone); `wholeImages` where the greatest size has room for pictures
 * that a row shows in part, as `cellsPerImage` needs it: at its end, or with `cut`, for the packing `chunks`, at its beginning too
 * @example patchSizes({ batch: 16, length: 128, imageTokens: 16 }) // [0, 512, 1024, 2048]
 */
export function patchSizes(shape: {
  batch: number;
  length: number;
  imageTokens: number;
  wholeImages?: boolean | 'cut';
}): number[] {
  const { batch, length, imageTokens, wholeImages = false } = shape;
  if (imageTokens === 0) return [0];
  const positions = batch * length;
  const whole = wholeImages === 'cut' ? mostCut(length, imageTokens) : Math.ceil(length / imageTokens) * imageTokens;
  const most = wholeImages ? batch * whole : positions;
  const sizes = [0.25, 0.5, 1].map((part) =>
    part === 1 ? most : Math.min(most, Math.ceil((positions * part) / imageTokens) * imageTokens),
  );
  return [0, ...new Set(sizes)];
}

/** Patches of the pictures that a row of T positions can show where it may begin and end inside one. */
function mostCut(length: number, cells: number): number {
  return (Math.ceil((length - 1) / cells) + 1) * cells;
}

/** `text` for no patches, `patches-512` for 512. */
export function variantName(size: number): string {
  return size === 0 ? 'text' : `patches-${size}`;
}

/**
 * The signature of every variant, for `Engine.compileTrainStep`. The variant `text` has neither slots nor patches.
 *
 * @example variantSignatures({ batch: 2, length: 8, features: 0, sizes: [0] }) // { text: { tokens_BT, targets_BT, weights_BT } }
 */
export function variantSignatures(shape: BatchShape): Record<string, Signature> {
  checkShape(shape);
  const { batch, length, features, items = false, cellsPerImage } = shape;
  const side = Math.sqrt(features / 3);
  const text: Signature = {
    ...(items ? { items_BT: { shape: [batch, length], dtype: 'int32' } } : {}),
    tokens_BT: { shape: [batch, length], dtype: 'int32' },
    targets_BT: { shape: [batch, length], dtype: 'int32' },
    weights_BT: { shape: [batch, length], dtype: 'float32' },
  };
  return Object.fromEntries(
    shape.sizes.map((size) => [
      variantName(size),
      size === 0
        ? text
        : {
            ...text,
            slots_BT: { shape: [batch, length], dtype: 'int32' },
            ...(cellsPerImage === undefined
              ? { patches_NF: { shape: [size, features], dtype: 'float32' } }
              : { images_MSS3: { shape: [size / cellsPerImage, side, side, 3], dtype: 'float32' } }),
          },
    ]),
  );
}

/**
 * The arrays of a batch that its variant takes, ready for `TrainStep.run`: of a batch that was made or changed by hand. Those that `createBatches`
 * gives have them already, as `inputs`.
 */
export function batchArrays(
  batch: Batch,
  variant: string,
  { items = false, cellsPerImage }: Pick<BatchShape, 'items' | 'cellsPerImage'>,
): NamedArrays {
  const { tokens_BT, targets_BT, weights_BT, slots_BT, patches_NF, items_BT } = batch;
  const text = { tokens_BT, targets_BT, weights_BT, ...(items ? { items_BT } : {}) };
  if (variant === 'text') return text;
  return { ...text, slots_BT, [cellsPerImage === undefined ? 'patches_NF' : 'images_MSS3']: patches_NF };
}

/** @throws TrainerError `bad-option` */
export function checkShape({ batch, length, features, sizes, cellsPerImage }: BatchShape): void {
  for (const [name, value, least] of [
    ['batch', batch, 1],
    ['length', length, 1],
    ['features', features, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new TrainerError(
        'bad-option',
        `Batch shape: expected ${name} to be an integer of at least ${least}, got ${value}.`,
      );
    }
  }
  const ascending = sizes.every((size, i) => Number.isInteger(size) && size >= 0 && (i === 0 || size > sizes[i - 1]!));
  if (sizes.length === 0 || !ascending) {
    throw new TrainerError(
      'bad-option',
      `Batch shape: expected sizes to be ascending integers of at least 0, got [${sizes.join(', ')}].`,
    );
  }
  if (cellsPerImage !== undefined) checkCells(cellsPerImage, features, sizes);
  if (features === 0 && (sizes.length > 1 || sizes[0] !== 0)) {
    throw new TrainerError(
      'bad-option',
      `Batch shape: without features the only size is 0, got [${sizes.join(', ')}]; set features or sizes: [0].`,
    );
  }
}

function checkCells(cells: number, features: number, sizes: readonly number[]): void {
  const isWhole = Number.isInteger(cells) && cells > 0 && sizes.every((size) => size % cells === 0);
  if (isWhole && Number.isInteger(Math.sqrt(features / 3))) return;
  throw new TrainerError(
    'bad-option',
    `Batch shape: with cellsPerImage expected a divisor of every size and features of side · side · 3, got ${cells}, sizes ` +
      `[${sizes.join(', ')}] and ${features} features; patchSizes with wholeImages gives such sizes.`,
  );
}

/** What placing a part of an item did, in tokens. */
export interface Placed {
  /** Targets with loss. */
  loss: number;
  /** Targets without loss: placeholders, prompts. */
  context: number;
  /** 1 when the part opened a row: that token is only ever an input. */
  firstOfRow: number;
  /** Patches shown; a placeholder at the very end of a row is a target but never an input, so its patch is not. */
  patches: number;
}

/** Lays items into B rows of T + 1 tokens, of which the first T are inputs and the last T targets. */
export class BatchBuilder {
  private readonly shape: BatchShape;
  private readonly imageToken: number | undefined;
  private readonly tokens_BT: Int32Array;
  private readonly targets_BT: Int32Array;
  private readonly weights_BT: Float32Array;
  private readonly slots_BT: Int32Array;
  private readonly items_BT: Int32Array;
  /** Rows of `patches_NF`: a patch each, or a picture. */
  private readonly shown: Float32Array[] = [];
  private readonly cells: number;
  /** Tokens laid into each row. */
  readonly used: number[];
  /** Items (or parts of one) laid into each row. */
  private readonly items: number[];

  constructor(shape: BatchShape, options: { padToken: number; imageToken: number | undefined }) {
    const positions = shape.batch * shape.length;
    this.shape = shape;
    this.imageToken = options.imageToken;
    this.cells = shape.cellsPerImage ?? 1;
    this.tokens_BT = new Int32Array(positions).fill(options.padToken);
    this.targets_BT = new Int32Array(positions).fill(options.padToken);
    this.weights_BT = new Float32Array(positions);
    this.slots_BT = new Int32Array(positions);
    this.items_BT = new Int32Array(positions);
    this.items = new Array<number>(shape.batch).fill(0);
    this.used = new Array<number>(shape.batch).fill(0);
  }

  /** Of N, how much is taken; pictures count whole. */
  get patchCount(): number {
    return this.shown.length * this.cells;
  }

  /** How much of N so many placeholders at the beginning of an item take. */
  patchesOf(placeholders: number): number {
    return Math.ceil(placeholders / this.cells) * this.cells;
  }

  /** Free tokens of a row. */
  room(row: number): number {
    return this.shape.length + 1 - this.used[row]!;
  }

  /**
   * Appends tokens `from … to − 1` of the item to a row that has room for them.
   * @param before placeholders among the tokens before `from`
   */
  place(row: number, item: TrainingItem, from: number, to: number, before: number): Placed {
    const { length, features } = this.shape;
    const placed: Placed = { loss: 0, context: 0, firstOfRow: 0, patches: 0 };
    const { cells } = this;
    let patch = before;
    let open = -1;
    let position = this.used[row]!;
    const ordinal = ++this.items[row]!;
    for (let i = from; i < to; i++, position++) {
      const token = item.tokens[i]!;
      const isImage = token === this.imageToken;
      if (position < length) {
        const at = row * length + position;
        this.tokens_BT[at] = token;
        if (isImage) {
          const row = Math.floor(patch / cells);
          if (row !== open) this.shown.push(item.patches!.subarray(row * features, (row + 1) * features));
          open = row;
          this.slots_BT[at] = (this.shown.length - 1) * cells + (patch % cells) + 1;
          placed.patches++;
        }
      }
      if (isImage) patch++;
      if (position === 0) {
        placed.firstOfRow++;
        continue;
      }
      const at = row * length + position - 1;
      this.targets_BT[at] = token;
      this.items_BT[at] = ordinal;
      if (item.loss[i]) {
        this.weights_BT[at] = 1;
        placed.loss++;
      } else placed.context++;
    }
    this.used[row] = position;
    return placed;
  }

  /** The batch, under the smallest variant that its patches fit. */
  finish(): { variant: string; batch: Batch } {
    const { batch, length, sizes, features } = this.shape;
    const size = sizes.find((candidate) => candidate >= this.patchCount);
    if (size === undefined) {
      throw new TrainerError(
        'too-many-patches',
        `Packing: the batch shows ${this.patchCount} patches, but the greatest of its sizes is ${sizes.at(-1)}; ` +
          `add a greater size; ${batch * mostCut(length, this.cells)} is enough for whatever ${batch} rows of ${length} positions show.`,
      );
    }
    const patches_NF = new Float32Array((size / this.cells) * features);
    for (const [row, patch] of this.shown.entries()) patches_NF.set(patch, row * features);
    const { tokens_BT, targets_BT, weights_BT, slots_BT, items_BT } = this;
    return { variant: variantName(size), batch: { tokens_BT, targets_BT, weights_BT, slots_BT, patches_NF, items_BT } };
  }
}
