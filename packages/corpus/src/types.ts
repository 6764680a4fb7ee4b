/** One object of a scene; later objects lie in front of earlier ones. */
export interface SceneObject {
  /** Name of what is shown: the emojibase label in lower case, e.g. `polar bear`. */
  concept: string;
  /** Everyday kind: animal, food, vehicle, … */
  category: string;
  /** emojibase subgroup, e.g. `animal-mammal`. */
  subcategory: string;
  /** Whose drawing it is, e.g. `twemoji`. */
  vendor: string;
  /** The colour that dominates its pixels, or `mixed` where none does. */
  colour: string;
  /** True where the drawing's hue was turned; `colour` is measured after that. */
  recoloured?: boolean;
  /** x1 y1 x2 y2 as shares of width and height, of the whole object (covered parts included). */
  box: [number, number, number, number];
  /** Share of its opaque pixels not covered by objects in front, 0 to 1. */
  visible: number;
}

/** What a picture shows, known exactly because it was composed. */
export interface Scene {
  id: string;
  width: number;
  height: number;
  background: { name: string; rgb: [number, number, number] };
  objects: SceneObject[];
  /** Boards with a word, in front of everything. Absent where there is none. */
  signs?: { text: string; box: [number, number, number, number] }[];
  /** 16 × 16 cells row by row: `.` for background, else the index (base 36) of the object that owns most of it, a quarter at least. */
  cells?: string;
}

export type VisionSplit = 'new-scene' | 'new-vendor' | 'new-concept';

/** An evaluation item about a picture, without the picture's bytes. */
export interface VisionItem {
  id: string;
  task: string;
  split: VisionSplit;
  type: string;
  question: string;
  target:
    | { kind: 'answers'; answers: string[] }
    | { kind: 'yes-no'; answer: 'yes' | 'no' }
    | { kind: 'box'; box: [number, number, number, number] }
    | { kind: 'caption'; references: string[]; objects: string[] };
  /** Whether training conversations use this phrasing of the question. */
  phrasing?: 'seen' | 'held-out';
}

/** Continuations of a context, one of them right: four, or two of a minimal pair. */
export interface TextItem {
  id: string;
  task: string;
  /** What is counted apart: the kind of minimal pair; whether a fact was taught. */
  type?: string;
  context: string;
  choices: string[];
  answer: number;
}

/** A held-out document for bits per byte. */
export interface TextDocument {
  id: string;
  task: 'bits-per-byte';
  text: string;
  source: string;
}

/** A conversation in LLaVA's JSON; `image` is absent on text-only rows. */
export interface Conversation {
  id: string;
  image?: string;
  conversations: { from: 'human' | 'gpt'; value: string }[];
}
