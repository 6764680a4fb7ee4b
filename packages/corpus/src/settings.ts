import { CorpusError } from './errors.ts';

/** How many evaluation items of each vision task one split has. */
export interface VisionCounts {
  openVqa: number;
  existence: number;
  grounding: number;
  captioning: number;
  relations: number;
  reading: number;
  counting: number;
  clutteredGrounding: number;
}

/** Everything that decides what a corpus contains. The same settings and package versions give the same bytes. */
export interface CorpusSettings {
  /** Seed of every draw but the splits, which are fixed. */
  seed: number;
  /** Width and height of a picture in pixels. */
  imageSize: number;
  /** Concepts that training pictures show. */
  concepts: number;
  /** Concepts that only `new-concept` items show. */
  heldOutConcepts: number;
  /** Whether held-out vendor and concepts are those of the test split or, for choosing settings, of the validation split. */
  heldOut: 'test' | 'validation';
  /** Relative frequency of scenes with 1, 2, 3, … objects. */
  objectsPerScene: number[];
  /** Longer side of an object as a share of the picture: [smallest, largest]. */
  objectSize: [number, number];
  /** Least share of an object's pixels that stays visible. */
  minVisible: number;
  /** Share of objects with a clear hue whose hue is turned, so that colour does not follow from the concept. */
  recolouredShare: number;
  /** Share of grounds with a light texture. */
  textureShare: number;
  /** Captioned scenes for training. */
  captions: number;
  conversations: {
    scenes: number;
    textOnlyShare: number;
    turns: [number, number];
    /** Share of the scenes made for one skill: counting up to five, reading signs, relations, saying that a thing is not there. */
    skillShare: number;
  };
  evals: {
    newScene: VisionCounts;
    newVendor: VisionCounts;
    newConcept: VisionCounts;
    /** Share of questions asked in a phrasing that no training conversation uses. */
    heldOutPhrasingShare: number;
  };
  /** Token caps (estimated, words × 1.35) by source of text; a source that is not named is left out. */
  text: { maxTokens: Record<string, number>; validationShare: number; testShare: number };
  textEvals: {
    documents: number;
    definitionWord: number;
    lastWord: number;
    nextSentence: number;
    minimalPairs: number;
    hypernym: number;
    antonym: number;
    exampleCloze: number;
    /** At most: a source with fewer countries gives fewer. */
    capital: number;
  };
  /** Most samples in one shard. */
  samplesPerShard: number;
}

const none: VisionCounts = {
  openVqa: 0,
  existence: 0,
  grounding: 0,
  captioning: 0,
  relations: 0,
  reading: 0,
  counting: 0,
  clutteredGrounding: 0,
};

const quick: CorpusSettings = {
  seed: 1,
  imageSize: 64,
  concepts: 60,
  heldOutConcepts: 20,
  heldOut: 'test',
  objectsPerScene: [4, 3, 2, 1],
  objectSize: [0.28, 0.46],
  minVisible: 0.6,
  recolouredShare: 0.3,
  textureShare: 0.4,
  captions: 10_000,
  conversations: { scenes: 10_000, textOnlyShare: 0.1, turns: [3, 6], skillShare: 0 },
  evals: {
    newScene: { ...none, openVqa: 600, existence: 400, grounding: 200, captioning: 100, relations: 120, counting: 120 },
    newVendor: { ...none, openVqa: 400, existence: 200, grounding: 100 },
    newConcept: { ...none, openVqa: 200 },
    heldOutPhrasingShare: 0.25,
  },
  text: {
    maxTokens: { wordnet: 1_000_000, 'state-of-the-union': 800_000, 'moby-dick': 300_000, countries: 60_000 },
    validationShare: 0.02,
    testShare: 0.04,
  },
  textEvals: {
    documents: 60,
    definitionWord: 300,
    lastWord: 300,
    nextSentence: 200,
    minimalPairs: 150,
    hypernym: 100,
    antonym: 40,
    exampleCloze: 100,
    capital: 60,
  },
  samplesPerShard: 1000,
};

const everyTask: VisionCounts = {
  openVqa: 1000,
  existence: 1000,
  grounding: 1000,
  captioning: 500,
  relations: 1000,
  reading: 1000,
  counting: 1000,
  clutteredGrounding: 1000,
};

/** Named settings: `smoke` for tests, `quick` for a first run, `standard` for a night. */
export const corpusPresets: {
  readonly smoke: CorpusSettings;
  readonly quick: CorpusSettings;
  readonly standard: CorpusSettings;
} = {
  smoke: {
    ...quick,
    concepts: 24,
    heldOutConcepts: 6,
    captions: 40,
    conversations: { ...quick.conversations, scenes: 36, skillShare: 0.4 },
    evals: {
      newScene: {
        openVqa: 28,
        existence: 12,
        grounding: 6,
        captioning: 4,
        relations: 6,
        reading: 6,
        counting: 6,
        clutteredGrounding: 6,
      },
      newVendor: { ...none, openVqa: 14, relations: 2, reading: 4, counting: 6 },
      newConcept: { ...none, openVqa: 8, relations: 2, reading: 2, clutteredGrounding: 2 },
      heldOutPhrasingShare: 0.25,
    },
    text: {
      maxTokens: { wordnet: 30_000, 'state-of-the-union': 20_000, 'moby-dick': 20_000, countries: 4_000 },
      validationShare: 0.05,
      testShare: 0.15,
    },
    textEvals: {
      documents: 8,
      definitionWord: 8,
      lastWord: 8,
      nextSentence: 8,
      minimalPairs: 8,
      hypernym: 2,
      antonym: 1,
      exampleCloze: 3,
      capital: 4,
    },
    samplesPerShard: 100,
  },
  quick,
  standard: {
    ...quick,
    concepts: 400,
    heldOutConcepts: 60,
    captions: 60_000,
    conversations: { ...quick.conversations, scenes: 30_000, skillShare: 0.25 },
    evals: {
      newScene: everyTask,
      newVendor: everyTask,
      newConcept: { ...none, openVqa: 1000, relations: 1000, reading: 1000, clutteredGrounding: 1000 },
      heldOutPhrasingShare: 0.25,
    },
    text: {
      maxTokens: { wordnet: 4_000_000, 'state-of-the-union': 4_000_000, 'moby-dick': 1_000_000, countries: 200_000 },
      validationShare: 0.01,
      testShare: 0.06,
    },
    textEvals: {
      documents: 200,
      definitionWord: 1000,
      lastWord: 1000,
      nextSentence: 1000,
      minimalPairs: 1000,
      hypernym: 1000,
      antonym: 150,
      exampleCloze: 800,
      capital: 200,
    },
  },
};

export type PresetName = keyof typeof corpusPresets;

/** Settings in which everything may be left out; nested objects may be partial too. */
export type DeepPartial<T> = T extends unknown[] ? T : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> } : T;

/** What a single setting must be; keys are paths, `*` stands for any name. */
const rules: Record<string, { what: string; ok: (value: unknown) => boolean }> = {
  seed: integer(0, 2 ** 32),
  imageSize: integer(32, 512),
  concepts: integer(4, 679),
  heldOutConcepts: integer(0, 91),
  heldOut: { what: '"test" or "validation"', ok: (v) => v === 'test' || v === 'validation' },
  objectsPerScene: {
    what: 'one to twelve weights of at least 0, not all 0',
    ok: (v) =>
      Array.isArray(v) &&
      v.length >= 1 &&
      v.length <= 12 &&
      v.every((w) => Number.isFinite(w) && w >= 0) &&
      v.some((w) => w > 0),
  },
  objectSize: {
    what: '[smallest, largest] with 0.1 ≤ smallest ≤ largest ≤ 0.9',
    ok: (v) => isPair(v) && v[0] >= 0.1 && v[0] <= v[1] && v[1] <= 0.9,
  },
  minVisible: share(),
  recolouredShare: share(),
  textureShare: share(),
  captions: integer(0, 5e6),
  'conversations.scenes': integer(0, 5e6),
  'conversations.textOnlyShare': share(0.9),
  'conversations.skillShare': share(),
  'conversations.turns': {
    what: '[fewest, most] whole numbers with 1 ≤ fewest ≤ most ≤ 10',
    ok: (v) => isPair(v) && Number.isInteger(v[0]) && Number.isInteger(v[1]) && v[0] >= 1 && v[0] <= v[1] && v[1] <= 10,
  },
  ...Object.fromEntries(
    ['newScene', 'newVendor', 'newConcept'].flatMap((split) =>
      Object.keys(none).map((task) => [
        `evals.${split}.${task}`,
        task === 'existence' || task === 'relations' ? even() : integer(0, 1e5),
      ]),
    ),
  ),
  // Questions that count name what they count; concepts never shown have no name.
  'evals.newConcept.counting': integer(0, 0),
  'evals.heldOutPhrasingShare': share(),
  'text.maxTokens.*': integer(0, 1e9),
  'text.validationShare': share(0.4),
  'text.testShare': share(0.4),
  'textEvals.documents': integer(0, 1e5),
  'textEvals.definitionWord': integer(0, 1e5),
  'textEvals.lastWord': integer(0, 1e5),
  'textEvals.nextSentence': integer(0, 1e5),
  'textEvals.minimalPairs': integer(0, 1e5),
  'textEvals.hypernym': integer(0, 1e5),
  'textEvals.antonym': integer(0, 1e5),
  'textEvals.exampleCloze': integer(0, 1e5),
  'textEvals.capital': integer(0, 1e5),
  samplesPerShard: integer(1, 1e6),
};

function integer(low: number, high: number): { what: string; ok: (value: unknown) => boolean } {
  return {
    what: `a whole number from ${low} to ${high}`,
    ok: (v) => Number.isInteger(v) && (v as number) >= low && (v as number) <= high,
  };
}

/** Existence questions and relations come in pairs. */
function even(): { what: string; ok: (value: unknown) => boolean } {
  const { ok } = integer(0, 1e5);
  return { what: 'an even whole number from 0 to 100000', ok: (v) => ok(v) && (v as number) % 2 === 0 };
}

function share(most = 1): { what: string; ok: (value: unknown) => boolean } {
  return { what: `a share from 0 to ${most}`, ok: (v) => typeof v === 'number' && v >= 0 && v <= most };
}

function isPair(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((v) => Number.isFinite(v));
}

/**
 * Whole settings from a preset and changes to it.
 * @param preset where to start
 * @param changes any part of the settings; `text.maxTokens` replaces the preset's list of sources as a whole
 * @throws CorpusError `invalid-settings` for a misspelt name or a value out of range
 * @example corpusSettings('quick', { captions: 2000, evals: { newScene: { openVqa: 300 } } })
 */
export function corpusSettings(
  preset: PresetName = 'quick',
  changes: DeepPartial<CorpusSettings> = {},
): CorpusSettings {
  const base = corpusPresets[preset] as CorpusSettings | undefined;
  if (!base)
    throw new CorpusError(
      'invalid-settings',
      `No corpus preset ${JSON.stringify(preset)}; there are ${Object.keys(corpusPresets).join(', ')}.`,
    );
  const settings = merge(base as unknown as Plain, changes as Plain, '') as unknown as CorpusSettings;
  validateSettings(settings);
  return settings;
}

/** Checks whole settings. @throws CorpusError `invalid-settings` */
export function validateSettings(settings: CorpusSettings): void {
  const seen = new Set<string>();
  visit(settings as unknown as Plain, '', (path, value) => {
    const rule = rules[path] ?? rules[path.replace(/\.[^.]+$/, '.*')];
    if (!rule) throw new CorpusError('invalid-settings', `Unknown corpus setting ${path}.${suggest(path)}`);
    if (!rule.ok(value))
      throw new CorpusError(
        'invalid-settings',
        `Corpus setting ${path}: expected ${rule.what}, got ${JSON.stringify(value)}.`,
      );
    seen.add(path);
  });
  for (const path of Object.keys(rules))
    if (!path.endsWith('*') && !seen.has(path))
      throw new CorpusError('invalid-settings', `Corpus setting ${path} is missing: expected ${rules[path]!.what}.`);
}

type Plain = { [key: string]: unknown };

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merge(base: Plain, changes: Plain, path: string): Plain {
  const merged: Plain = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const at = path ? `${path}.${key}` : key;
    if (!(key in base)) throw new CorpusError('invalid-settings', `Unknown corpus setting ${at}.${suggest(at)}`);
    if (value === undefined) continue;
    const replaces = at === 'text.maxTokens' || !isPlain(base[key]);
    if (isPlain(base[key]) && !isPlain(value))
      throw new CorpusError(
        'invalid-settings',
        `Corpus setting ${at}: expected an object, got ${JSON.stringify(value)}.`,
      );
    merged[key] = replaces ? value : merge(base[key] as Plain, value as Plain, at);
  }
  return merged;
}

function visit(value: Plain, path: string, leaf: (path: string, value: unknown) => void): void {
  for (const [key, item] of Object.entries(value)) {
    const at = path ? `${path}.${key}` : key;
    if (isPlain(item)) visit(item, at, leaf);
    else leaf(at, item);
  }
}

/** The known setting nearest in spelling, as a hint. */
function suggest(path: string): string {
  const known = [
    ...new Set(
      Object.keys(rules).flatMap((rule) => rule.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.'))),
    ),
  ];
  const best = known.map((name) => ({ name, far: distance(path, name) })).sort((a, b) => a.far - b.far)[0]!;
  return best.far <= Math.max(2, path.length / 3) ? ` Did you mean ${best.name}?` : '';
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
