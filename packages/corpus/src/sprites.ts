import sharp from 'sharp';
import type { Concept, Libraries } from './concepts.ts';
import { CorpusError, throwIfAborted } from './errors.ts';
import { type ColourName, colourShares, dominantColour, groundsToAvoid, hues, type mixedColour } from './palette.ts';
import { vendors } from './vendors.ts';

/** A drawing, rasterised once and cut to its opaque part. */
export interface Sprite {
  /** Index into the list of concepts that the sheet was made for. */
  concept: number;
  vendor: string;
  width: number;
  height: number;
  /** Where its pixels start in the sheet, in bytes. */
  offset: number;
  colour: ColourName | typeof mixedColour;
  /** Colours of grounds it would be lost on. */
  avoid: ColourName[];
  /** Angles in degrees that turn its hue so that another colour dominates. Empty for drawings without a clear hue. */
  turns: Partial<Record<ColourName, number>>;
}

/** All drawings a corpus uses: one block of premultiplied RGBA bytes that threads can share. */
export interface SpriteSheet {
  sprites: Sprite[];
  pixels: Uint8Array;
}

/** The bytes of one sprite, premultiplied RGBA [height, width, 4]. */
export function spritePixels(sheet: SpriteSheet, sprite: Sprite): Uint8Array {
  return sheet.pixels.subarray(sprite.offset, sprite.offset + sprite.width * sprite.height * 4);
}

/** An alpha below this is treated as empty when a drawing is cut out. */
const minAlpha = 24;

/**
 * Rasterises every drawing of the concepts.
 * @param size pixels of the square a drawing is rendered in before it is cut out
 * @param vendorIds which vendors
 */
export async function makeSpriteSheet(
  concepts: readonly Concept[],
  libraries: Libraries,
  options: { size: number; vendorIds: ReadonlySet<string>; signal?: AbortSignal | undefined },
): Promise<SpriteSheet> {
  const jobs: { concept: number; vendor: string; name: string }[] = [];
  concepts.forEach((concept, index) => {
    for (const { id } of vendors) {
      const name = concept.drawings[id];
      if (name !== undefined && options.vendorIds.has(id)) jobs.push({ concept: index, vendor: id, name });
    }
  });
  const cut: { job: (typeof jobs)[number]; width: number; height: number; rgba: Uint8Array }[] = [];
  const batch = 32;
  for (let start = 0; start < jobs.length; start += batch) {
    throwIfAborted(options.signal);
    const done = await Promise.all(
      jobs.slice(start, start + batch).map(async (job) => {
        const drawing = libraries.get(job.vendor)!.read(job.name, options.size);
        const what = `${job.vendor}/${job.name}`;
        return {
          job,
          ...(await rasterise(drawing.kind === 'svg' ? Buffer.from(drawing.text) : drawing.bytes, options.size, what)),
        };
      }),
    );
    cut.push(...done);
  }
  const pixels = new Uint8Array(new SharedArrayBuffer(cut.reduce((sum, item) => sum + item.rgba.length, 0)));
  let offset = 0;
  const sprites = cut.map(({ job, width, height, rgba }): Sprite => {
    pixels.set(rgba, offset);
    const shares = colourShares(rgba);
    const colour = dominantColour(shares);
    const sprite: Sprite = {
      concept: job.concept,
      vendor: job.vendor,
      width,
      height,
      offset,
      colour,
      avoid: groundsToAvoid(shares),
      turns: hueTurns(rgba, colour),
    };
    offset += rgba.length;
    return sprite;
  });
  return { sprites, pixels };
}

async function rasterise(
  bytes: Buffer,
  size: number,
  what: string,
): Promise<{ width: number; height: number; rgba: Uint8Array }> {
  let raw: { data: Buffer; info: { width: number; height: number } };
  try {
    raw = await sharp(bytes)
      .resize(size, size, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw new CorpusError('broken-package', `The drawing ${what} cannot be rendered; reinstall its package.`, {
      cause,
    });
  }
  const { data, info } = raw;
  let [x1, y1, x2, y2] = [info.width, info.height, 0, 0];
  for (let y = 0; y < info.height; y++)
    for (let x = 0; x < info.width; x++)
      if (data[(y * info.width + x) * 4 + 3]! >= minAlpha) {
        if (x < x1) x1 = x;
        if (x >= x2) x2 = x + 1;
        if (y < y1) y1 = y;
        if (y >= y2) y2 = y + 1;
      }
  if (x2 <= x1 || y2 <= y1)
    throw new CorpusError('broken-package', `The drawing ${what} renders as nothing; reinstall its package.`);
  const [width, height] = [x2 - x1, y2 - y1];
  const rgba = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = ((y + y1) * info.width + x + x1) * 4;
      const to = (y * width + x) * 4;
      const alpha = data[from + 3]!;
      for (let c = 0; c < 3; c++) rgba[to + c] = Math.round((data[from + c]! * alpha) / 255);
      rgba[to + 3] = alpha;
    }
  return { width, height, rgba };
}

/** For a drawing with a hue: which turn gives which other colour (the smallest turn that does). */
function hueTurns(rgba: Uint8Array, colour: Sprite['colour']): Sprite['turns'] {
  const turns: Sprite['turns'] = {};
  if (!(hues as readonly string[]).includes(colour)) return turns;
  const sample = new Uint8Array(Math.ceil(rgba.length / 4 / 7) * 4);
  for (let i = 0, to = 0; i < rgba.length; i += 28, to += 4) sample.set(rgba.subarray(i, i + 4), to);
  for (const degrees of [30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180]) {
    const name = dominantColour(colourShares(sample, degrees));
    if (name !== colour && (hues as readonly string[]).includes(name)) turns[name as ColourName] ??= degrees;
  }
  return turns;
}
