import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backgrounds } from './backgrounds.ts';
import { plural, withArticle } from './language.ts';
import { untag } from './optional-sources.ts';
import { pinnedVersion, readPackageFile, readPackageJson } from './packages.ts';
import { fromOklab, nameColour, toOklab, turnHue } from './palette.ts';
import { cleanText, splitSentences } from './prose.ts';
import { createRandom } from './random.ts';
import { resampleArea } from './resample.ts';
import { corpusSettings } from './settings.ts';
import { slug } from './vendors.ts';
import { parseSynset } from './wordnet.ts';

const byte = fc.integer({ min: 0, max: 255 });

describe('colours', () => {
  it('survive the way to OKLab and back', () => {
    fc.assert(
      fc.property(byte, byte, byte, (r, g, b) => {
        const back = fromOklab(...toOklab(r, g, b));
        for (const [c, value] of [r, g, b].entries()) expect(Math.abs(back[c]! - value)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('agree with the published OKLab of red, and carry everyday names', () => {
    const [L, a, b] = toOklab(255, 0, 0);
    expect([L, a, b].map((value) => Math.round(value * 1000) / 1000)).toEqual([0.628, 0.225, 0.126]);
    const names = {
      red: [221, 46, 68],
      orange: [244, 144, 12],
      yellow: [255, 204, 77],
      green: [119, 178, 85],
      blue: [85, 172, 238],
      purple: [146, 102, 204],
      pink: [244, 171, 186],
      brown: [138, 75, 56],
      gray: [153, 153, 153],
      white: [255, 255, 255],
      black: [0, 0, 0],
    } as const;
    for (const [name, rgb] of Object.entries(names)) expect(nameColour(rgb[0], rgb[1], rgb[2]), name).toBe(name);
    for (const { name, rgb } of backgrounds) expect(nameColour(...rgb)).toBe(name);
  });

  it('keep their lightness when the hue turns', () => {
    const turned = turnHue(150, 110, 120, 120);
    expect(toOklab(...turned)[0]).toBeCloseTo(toOklab(150, 110, 120)[0], 2);
  });
});

describe('resampling by area', () => {
  it('keeps the mean, and flat areas flat', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        byte,
        (w, h, to, value) => {
          const flat = resampleArea(new Uint8Array(w * h * 4).fill(value), w, h, to, to);
          expect([...new Set(flat)]).toEqual([value]);
        },
      ),
    );
    const random = createRandom(1);
    const source = Uint8Array.from({ length: 30 * 20 * 4 }, () => random.int(256));
    const small = resampleArea(source, 30, 20, 7, 9);
    const mean = (list: Uint8Array): number => list.reduce((a, b) => a + b, 0) / list.length;
    expect(mean(small)).toBeCloseTo(mean(source), 0);
  });
});

describe('generator', () => {
  it('repeats itself for a seed and differs between seeds', () => {
    const draw = (seed: string): number[] => Array.from({ length: 5 }, () => createRandom(seed).int(1e9));
    expect(draw('a')).toEqual(draw('a'));
    expect(createRandom('a').int(1e9)).not.toBe(createRandom('b').int(1e9));
    const random = createRandom(3);
    const counts = [0, 0, 0];
    for (let i = 0; i < 6000; i++) counts[random.weighted([3, 0, 1])]!++;
    expect(counts[1]).toBe(0);
    expect(counts[0]! / 6000).toBeCloseTo(0.75, 1);
  });
});

describe('words', () => {
  it('take the right article and plural', () => {
    expect(
      ['apple', 'bus', 'grapes', 'bread', 'umbrella', 'unicorn', 'house'].map((name) => withArticle(name)),
    ).toEqual(['an apple', 'a bus', 'grapes', 'bread', 'an umbrella', 'a unicorn', 'a house']);
    expect(withArticle('bus', 'orange')).toBe('an orange bus');
    expect(['cat', 'bus', 'box', 'berry', 'fish', 'leaf', 'grapes', 'watch'].map(plural)).toEqual([
      'cats',
      'buses',
      'boxes',
      'berries',
      'fish',
      'leaves',
      'grapes',
      'watches',
    ]);
  });

  it('are spelt as icon sets spell them', () => {
    expect(['T-Rex', 'piñata', 'woman’s hat', 'pool 8 ball'].map(slug)).toEqual([
      't-rex',
      'pinata',
      'womans-hat',
      'pool-8-ball',
    ]);
  });
});

describe('text', () => {
  it('is cut into sentences but not after titles', () => {
    expect(splitSentences('Mr. Smith came. "Who?" asked Ann. He left.')).toEqual([
      'Mr. Smith came.',
      '"Who?" asked Ann.',
      'He left.',
    ]);
    expect(cleanText('“a”  b’s…\r\n\r\n\r\nc ')).toBe('"a" b\'s...\n\nc');
  });

  it('comes out of WordNet with words, gloss, examples and parents', () => {
    const line =
      '00003443 29 v 02 burp 0 hot_dog 0 002 @ 00118398 n 0405 + 09252616 n 0201 01 + 02 00 | expel gas from the stomach; "Please don\'t burp at the table"  ';
    expect(parseSynset(line, 'verb')).toEqual({
      id: 'v00003443',
      pos: 'verb',
      words: ['burp', 'hot dog'],
      gloss: 'expel gas from the stomach',
      examples: ["Please don't burp at the table"],
      parents: ['n00118398'],
      opposites: [],
    });
  });
});

describe('settings', () => {
  it('are strict and say what they expected', () => {
    expect(() => corpusSettings('quick', { imagesize: 64 } as never)).toThrow(
      'Unknown corpus setting imagesize. Did you mean imageSize?',
    );
    expect(() => corpusSettings('quick', { imageSize: 20 })).toThrow(
      'imageSize: expected a whole number from 32 to 512, got 20',
    );
    expect(() => corpusSettings('quick', { evals: { newScene: { existence: 3 } } })).toThrow('an even whole number');
    expect(() => corpusSettings('big' as never)).toThrow('smoke, quick, standard');
    expect(corpusSettings('quick', { evals: { newScene: { openVqa: 7 } } }).evals.newScene.existence).toBe(400);
    expect(corpusSettings('quick', { text: { maxTokens: { wordnet: 5 } } }).text.maxTokens).toEqual({ wordnet: 5 });
  });
});

describe('optional sources', () => {
  it('give running text for tagged words', () => {
    expect(untag("The/at jury/nn said/vbd ,/, ``/`` no/at evidence/nn ''/'' (/( yet/rb )/) ./.")).toBe(
      'The jury said, "no evidence" (yet).',
    );
  });
});

describe('packages', () => {
  it('must be there, whole and of the right version', () => {
    expect(pinnedVersion('emojibase-data')).toBe('17.0.0');
    const trouble = (code: string, words: string): object =>
      expect.objectContaining({ code, message: expect.stringContaining(words) });
    expect(() => pinnedVersion('emojibase-data', { 'emojibase-data': '16.0.0' })).toThrow(
      trouble('wrong-version', 'npm install emojibase-data@16.0.0'),
    );
    expect(() => readPackageFile('no-such-package', 'x')).toThrow(
      trouble('missing-package', 'npm install no-such-package'),
    );
    expect(() => readPackageFile('emojibase-data', 'no/such/file')).toThrow(trouble('broken-package', 'no/such/file'));
    expect(() => readPackageJson('emojibase-data', 'README.md')).toThrow(trouble('broken-package', 'not valid JSON'));
  });
});
