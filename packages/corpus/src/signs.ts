import opentype from 'opentype.js';
import sharp from 'sharp';
import type { SignPlacement } from './compose.ts';
import { CorpusError } from './errors.ts';
import { readPackageFile, readPackageJson } from './packages.ts';
import { hash32, type Random } from './random.ts';
import { resampleArea } from './resample.ts';
import type { CorpusSettings } from './settings.ts';

/** Typefaces of signs; the last is never seen in training, as a new vendor's drawings are not. */
export const signFonts: readonly { package: string; file: string; role: 'train' | 'held-out' }[] = [
  { package: '@expo-google-fonts/patua-one', file: '400Regular/PatuaOne_400Regular.ttf', role: 'train' },
  { package: '@expo-google-fonts/anton', file: '400Regular/Anton_400Regular.ttf', role: 'train' },
  { package: '@expo-google-fonts/lilita-one', file: '400Regular/LilitaOne_400Regular.ttf', role: 'train' },
  { package: '@expo-google-fonts/abril-fatface', file: '400Regular/AbrilFatface_400Regular.ttf', role: 'held-out' },
];

/** The small letters of one typeface, drawn large. */
interface Alphabet {
  role: 'train' | 'held-out';
  letters: Record<string, { ink: Uint8Array; advance: number }>;
}

/** All that signs are made from; plain data. */
export interface Signs {
  alphabets: Alphabet[];
  /** Disjoint by hash. */
  words: { train: string[]; heldOut: string[] };
}

/** Does anything that these settings ask for show a sign? */
export function needsSigns({ evals, conversations }: CorpusSettings): boolean {
  const splits = [evals.newScene, evals.newVendor, evals.newConcept];
  return conversations.skillShare > 0 || splits.some(({ reading }) => reading > 0);
}

const alphabet = [...'abcdefghijklmnopqrstuvwxyz'];
/** Pixels of a large letter: of the em, of the cell it is drawn in, and where it stands in there. */
const em = 48;
const cell = { width: 96, height: 68, x: 16, baseline: 48 };

/**
 * Draws the alphabets and chooses the words.
 * @param not words that name things in the pictures: no sign says them
 * @throws CorpusError `missing-package`, `broken-package`
 */
export async function openSigns(not: readonly string[]): Promise<Signs> {
  return { alphabets: await Promise.all(signFonts.map(drawAlphabet)), words: chooseWords(new Set(not)) };
}

async function drawAlphabet({ package: name, file, role }: (typeof signFonts)[number]): Promise<Alphabet> {
  const bytes = readPackageFile(name, file);
  try {
    const font = opentype.parse(new Uint8Array(bytes).buffer);
    const glyphs = alphabet.map((letter) => font.charToGlyph(letter));
    const paths = glyphs.map((glyph, i) => glyph.getPath(i * cell.width + cell.x, cell.baseline, em).toPathData(2));
    const width = cell.width * alphabet.length;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${cell.height}"><path d="${paths.join('')}"/></svg>`;
    const alpha = await sharp(Buffer.from(svg)).ensureAlpha().extractChannel(3).raw().toBuffer();
    const letters = alphabet.map((letter, i) => {
      const ink = new Uint8Array(cell.width * cell.height);
      for (let y = 0; y < cell.height; y++)
        ink.set(alpha.subarray(y * width + i * cell.width, y * width + (i + 1) * cell.width), y * cell.width);
      if (ink.every((value) => value === 0)) throw new Error(`it has no letter ${letter}`);
      return [letter, { ink, advance: Math.round((glyphs[i]!.advanceWidth! * em) / font.unitsPerEm) }] as const;
    });
    return { role, letters: Object.fromEntries(letters) };
  } catch (cause) {
    throw new CorpusError('broken-package', `The font ${name}/${file} cannot be drawn; reinstall its package.`, {
      cause,
    });
  }
}

/** Short plain words that emojibase tags its emoji with. A fifth is held out. */
function chooseWords(not: ReadonlySet<string>): Signs['words'] {
  const emojis = readPackageJson<{ tags?: string[] }[]>('emojibase-data', 'en/data.json');
  const words = [...new Set(emojis.flatMap(({ tags = [] }) => tags))]
    .filter((word) => /^[a-z]{3,5}$/.test(word) && word !== 'yes' && !not.has(word))
    .sort();
  const isHeldOut = (word: string): boolean => hash32(`sign/${word}`) % 5 === 0;
  return { train: words.filter((word) => !isHeldOut(word)), heldOut: words.filter(isHeldOut) };
}

type Rgb = readonly [number, number, number];
/** Paper and ink. */
const boards: readonly (readonly [Rgb, Rgb])[] = [
  [
    [250, 250, 250],
    [20, 20, 20],
  ],
  [
    [255, 214, 10],
    [20, 20, 20],
  ],
  [
    [20, 20, 20],
    [250, 250, 250],
  ],
  [
    [16, 60, 140],
    [250, 250, 250],
  ],
  [
    [170, 20, 30],
    [250, 250, 250],
  ],
  [
    [10, 90, 50],
    [250, 250, 250],
  ],
];
/** Empty paper left and right of a word, in pixels of the large letters. */
const margin = 8;

/**
 * A board with a word.
 * @param height in pixels; the width follows from the word
 */
export function drawSign(
  signs: Signs,
  text: string,
  options: { role: 'train' | 'held-out'; height: number; within?: SignPlacement['within'] },
  random: Random,
): SignPlacement {
  const { letters } = random.pick(signs.alphabets.filter(({ role }) => role === options.role));
  const [paper, colour] = random.pick(boards);
  const fullWidth = [...text].reduce((sum, letter) => sum + letters[letter]!.advance, 2 * margin);
  const ink = new Uint8Array(fullWidth * cell.height);
  let pen = margin - cell.x;
  for (const letter of text) {
    const drawn = letters[letter]!;
    for (let y = 0; y < cell.height; y++)
      for (let x = 0; x < cell.width; x++) {
        const at = pen + x;
        if (at < 0 || at >= fullWidth) continue;
        const to = y * fullWidth + at;
        ink[to] = Math.max(ink[to]!, drawn.ink[y * cell.width + x]!);
      }
    pen += drawn.advance;
  }
  const full = new Uint8Array(ink.length * 4);
  for (let i = 0; i < ink.length; i++) {
    for (let c = 0; c < 3; c++) full[i * 4 + c] = Math.round(paper[c]! + ((colour[c]! - paper[c]!) * ink[i]!) / 255);
    full[i * 4 + 3] = 255;
  }
  const width = Math.max(1, Math.round((fullWidth * options.height) / cell.height));
  const rgba = resampleArea(full, fullWidth, cell.height, width, options.height);
  return { text, rgba, width, height: options.height, ...(options.within ? { within: options.within } : {}) };
}
