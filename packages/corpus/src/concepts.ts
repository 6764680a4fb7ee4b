import { categoryOf, noCategory } from './categories.ts';
import { groupBy } from './group-by.ts';
import { readPackageJson } from './packages.ts';
import { colourNames } from './palette.ts';
import { hash32 } from './random.ts';
import { openVendor, type Vendor, type VendorLibrary, vendors } from './vendors.ts';

/** Which of the three disjoint sets of concepts an emoji belongs to. */
export type ConceptSplit = 'train' | 'validation' | 'test';

/** An emoji of the groups animals, food, travel, activities, objects, and where to find its drawings. */
export interface Concept {
  label: string;
  hexcode: string;
  category: string;
  subcategory: string;
  split: ConceptSplit;
  /** Vendor id → name of the drawing in that vendor's package. */
  drawings: Record<string, string>;
}

interface Emoji {
  label: string;
  hexcode: string;
  group?: number;
  subgroup?: number;
  order?: number;
}

const objectGroups = new Set([3, 4, 5, 6, 7]);

/** The opened packages of all vendors. */
export type Libraries = Map<string, VendorLibrary>;

/** Opens every vendor's package. @throws CorpusError `missing-package`, `broken-package` */
export function openLibraries(wanted: readonly Vendor[] = vendors): Libraries {
  return new Map(wanted.map((vendor) => [vendor.id, openVendor(vendor)]));
}

/**
 * All 861 object concepts, each with the drawings that exist, in emojibase's order.
 * Eight tenths of every subgroup train, one tenth validates, one tests; the order in which they are dealt is a hash of the emoji, so
 * the split is the same for every seed and every number of concepts.
 */
export function loadConcepts(libraries: Libraries): Concept[] {
  const emojis = readPackageJson<Emoji[]>('emojibase-data', 'en/data.json').filter(
    (emoji) => emoji.group !== undefined && emoji.subgroup !== undefined && objectGroups.has(emoji.group),
  );
  emojis.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  const subgroups = readPackageJson<{ subgroups: Record<string, string> }>(
    'emojibase-data',
    'meta/groups.json',
  ).subgroups;
  const concepts = emojis.map((emoji): Concept => {
    const label = emoji.label.toLowerCase().replaceAll('’', "'");
    const subcategory = subgroups[emoji.subgroup!] ?? 'other-object';
    const drawings: Record<string, string> = {};
    for (const [vendor, library] of libraries) {
      const name = library.find(emoji.hexcode, emoji.label);
      if (name !== undefined) drawings[vendor] = name;
    }
    return {
      label,
      hexcode: emoji.hexcode,
      category: categoryOf(subcategory, label),
      subcategory,
      split: 'train',
      drawings,
    };
  });
  for (const group of groupBy(concepts, (concept) => concept.subcategory).values()) {
    const dealt = group.toSorted((a, b) => conceptHash(a) - conceptHash(b));
    const tenth = Math.round(dealt.length / 10);
    for (let i = 0; i < tenth; i++) {
      dealt[i]!.split = 'test';
      dealt[i + tenth]!.split = 'validation';
    }
  }
  return concepts;
}

function conceptHash(concept: Concept): number {
  return hash32(`concept/${concept.hexcode}`);
}

/** Words that make a name answer its own colour question, or that mark one of several near-identical drawings. */
const awkward = new RegExp(
  `\\b(${colourNames.join('|')}|face|moon|o'clock|thirty|medal|speaker|mailbox|button|oncoming|globe|suit|chart|sake|wedding|cooking|custard|dvd|memo|joker|cyclone|fog|station|camping|label|herb|sparkles|medium|high|low|left|right|japanese|statue)\\b`,
);

/** How well a concept serves a small corpus: many artists drew it and its name is one short common word. */
function aptness(concept: Concept): number {
  const artists = Object.keys(concept.drawings).length;
  const words = concept.label.split(/[\s-]+/).length;
  return (
    artists * 2 - (words - 1) * 6 - Math.max(0, concept.label.length - 7) + (awkward.test(concept.label) ? -50 : 0)
  );
}

/**
 * Chooses concepts of one split, the aptest first, spread over the categories: a category gets places in proportion to the square root
 * of its size, and within it the subgroups take turns. Asking for as many as a split has gives all of it.
 * @param mustHave vendors that must have drawn every chosen concept, e.g. the test vendor
 */
export function chooseConcepts(
  concepts: readonly Concept[],
  split: ConceptSplit,
  count: number,
  mustHave: readonly string[],
): Concept[] {
  const able = concepts.filter(
    (concept) =>
      concept.split === split &&
      mustHave.every((vendor) => vendor in concept.drawings) &&
      vendors.some((vendor) => vendor.role === 'train' && vendor.id in concept.drawings),
  );
  const ranked: { concept: Concept; place: number }[] = [];
  for (const [category, group] of groupBy(able, (concept) => concept.category)) {
    const turns = takeTurns([...groupBy(group, (concept) => concept.subcategory).values()].map(byAptness));
    const apt = [...turns.filter((c) => aptness(c) >= minAptness), ...turns.filter((c) => aptness(c) < minAptness)];
    apt.forEach((concept, i) => {
      const late = (aptness(concept) < minAptness ? 1000 : 0) + (category === noCategory ? 2 : 0);
      ranked.push({ concept, place: (i + 0.5) / Math.sqrt(group.length) + late });
    });
  }
  return ranked
    .sort((a, b) => a.place - b.place)
    .slice(0, count)
    .map(({ concept }) => concept);
}

/** Below this a concept waits until the apt ones of all categories are taken. */
const minAptness = 12;

function byAptness(group: Concept[]): Concept[] {
  return group.toSorted((a, b) => aptness(b) - aptness(a) || conceptHash(a) - conceptHash(b));
}

/** First of each queue, second of each queue, … */
function takeTurns<T>(queues: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...queues.map((queue) => queue.length));
  const taken: T[] = [];
  for (let i = 0; i < longest; i++) for (const queue of queues) if (i < queue.length) taken.push(queue[i]!);
  return taken;
}
