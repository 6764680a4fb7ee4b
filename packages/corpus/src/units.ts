import sharp from 'sharp';
import { captionOf } from './captions.ts';
import { conversationOf, type Turn, turnsOf } from './conversations.ts';
import { estimateTokens } from './prose.ts';
import { createRandom } from './random.ts';
import type { CorpusSettings } from './settings.ts';
import { skillLesson } from './skills.ts';
import { textConversations } from './text-conversations.ts';
import { collectDocuments, type TextCounts } from './text-documents.ts';
import { textItems } from './text-items.ts';
import type { VisionSplit } from './types.ts';
import { type VisionTask, visionItem } from './vision-items.ts';
import { type MadeScene, World, type WorldData } from './world.ts';

/** A piece of work that depends on nothing but the world and its own numbers, so any thread may do it. */
export type Unit =
  | { kind: 'captions' | 'conversations'; start: number; end: number }
  | { kind: 'vision'; task: VisionTask; split: VisionSplit; start: number; end: number }
  | { kind: 'text' };

/** One sample of a shard. */
export interface PlainSample {
  key: string;
  members: Record<string, Uint8Array | string>;
}

/** What a unit gives back: samples by shard group (`captions/train`, `eval/open-vqa`, …), in order, and sums. */
export interface UnitResult {
  samples: Record<string, PlainSample[]>;
  tokens: Record<string, number>;
  /** Questions and answers counted by type. */
  tally: Record<string, number>;
  text?: TextCounts;
}

/** Does units, one after the other. */
export class UnitRunner {
  readonly #world: World;

  constructor(data: WorldData) {
    this.#world = new World(data);
  }

  async run(unit: Unit): Promise<UnitResult> {
    switch (unit.kind) {
      case 'captions':
        return captions(this.#world, unit.start, unit.end);
      case 'conversations':
        return conversations(this.#world, unit.start, unit.end);
      case 'vision':
        return vision(this.#world, unit.task, unit.split, unit.start, unit.end);
      case 'text':
        return text(this.#world.data.settings);
    }
  }
}

/** Zero-padded, so that keys sort as they are numbered. */
export function sampleKey(prefix: string, index: number): string {
  return `${prefix}-${String(index).padStart(7, '0')}`;
}

async function encodePng(rgb: Uint8Array, size: number): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width: size, height: size, channels: 3 } })
    .png({ compressionLevel: 1, adaptiveFiltering: false })
    .toBuffer();
}

/** Encodes some pictures at a time: enough to keep the codec's threads busy. */
async function inBatches<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (let i = 0; i < items.length; i += 32) results.push(...(await Promise.all(items.slice(i, i + 32).map(work))));
  return results;
}

function indices(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

async function captions(world: World, start: number, end: number): Promise<UnitResult> {
  const { seed, imageSize } = world.data.settings;
  let tokens = 0;
  const samples = await inBatches(indices(start, end), async (index): Promise<PlainSample> => {
    const key = sampleKey('captions', index);
    const random = createRandom(`${seed}/${key}`);
    const { scene, rgb } = world.make(key, { concepts: 'train', vendors: 'train' }, random);
    const caption = captionOf(scene, random);
    tokens += estimateTokens(caption);
    return { key, members: { png: await encodePng(rgb, imageSize), txt: caption, json: JSON.stringify(scene) } };
  });
  return { samples: { 'captions/train': samples }, tokens: { captions: tokens }, tally: { captions: samples.length } };
}

async function conversations(world: World, start: number, end: number): Promise<UnitResult> {
  const { imageSize } = world.data.settings;
  let tokens = 0;
  const tally: Record<string, number> = {};
  const samples = await inBatches(indices(start, end), async (index): Promise<PlainSample> => {
    const key = sampleKey('conversations', index);
    const { made, turns } = converse(key, world);
    const { scene, rgb } = made;
    const row = conversationOf(key, turns);
    for (const turn of turns) {
      count(tally, `turns/${turn.type}`);
      if (turn.answer === 'yes' || turn.answer === 'no') count(tally, `turns/${turn.type}/${turn.answer}`);
      tokens += estimateTokens(`${turn.question} ${turn.answer}`);
    }
    const members = {
      png: await encodePng(rgb, imageSize),
      json: JSON.stringify(row),
      'scene.json': JSON.stringify(scene),
    };
    return { key, members };
  });
  return { samples: { 'conversations/train': samples }, tokens: { conversations: tokens }, tally };
}

/** Most scenes are asked about as they come; a share of them is made for one skill. */
function converse(key: string, world: World): { made: MadeScene; turns: Turn[] } {
  const { seed, conversations: wanted } = world.data.settings;
  const lesson = createRandom(`${seed}/${key}/skill`);
  if (lesson.chance(wanted.skillShare)) return skillLesson(key, world, lesson);
  const random = createRandom(`${seed}/${key}`);
  const made = world.make(key, { concepts: 'train', vendors: 'train' }, random);
  return { made, turns: turnsOf(made.scene, world, random) };
}

async function vision(
  world: World,
  task: VisionTask,
  split: VisionSplit,
  start: number,
  end: number,
): Promise<UnitResult> {
  const { imageSize } = world.data.settings;
  const tally: Record<string, number> = {};
  const samples = await inBatches(indices(start, end), async (index): Promise<PlainSample> => {
    const { item, made } = visionItem(task, split, index, world);
    count(tally, `${task}/${split}/${item.type}`);
    const members = {
      png: await encodePng(made.rgb, imageSize),
      json: JSON.stringify(item),
      'scene.json': JSON.stringify(made.scene),
    };
    return { key: item.id, members };
  });
  return { samples: { [`eval/${task}`]: samples }, tokens: {}, tally };
}

function count(tally: Record<string, number>, key: string): void {
  tally[key] = (tally[key] ?? 0) + 1;
}

const shardNameOfSplit = { train: 'train', validation: 'val', test: 'test' } as const;

function text(settings: CorpusSettings): UnitResult {
  const { documents, counts } = collectDocuments(settings.text);
  const result: UnitResult = { samples: {}, tokens: {}, tally: {}, text: counts };
  const put = (group: string, sample: PlainSample): void => {
    result.samples[group] ??= [];
    result.samples[group].push(sample);
  };
  const order = createRandom(`${settings.seed}/text-order`).shuffle(documents);
  for (const document of order) {
    const name = shardNameOfSplit[document.split];
    const group = `text/${name}`;
    const key = sampleKey(`text-${name}`, result.samples[group]?.length ?? 0);
    const about = { source: document.source, ...(document.title ? { title: document.title } : {}), id: document.id };
    put(group, { key, members: { txt: document.text, json: JSON.stringify(about) } });
    result.tokens[group] = (result.tokens[group] ?? 0) + document.tokens;
    const bySource = `${group}/${document.source}`;
    result.tokens[bySource] = (result.tokens[bySource] ?? 0) + document.tokens;
  }
  const held = textItems(documents, settings);
  for (const item of [...held.documents, ...held.items]) {
    put(`eval/${item.task}`, { key: item.id, members: { json: JSON.stringify(item) } });
    count(result.tally, item.task);
  }
  const { scenes, textOnlyShare } = settings.conversations;
  const rows = Math.round((scenes * textOnlyShare) / (1 - textOnlyShare));
  for (const row of textConversations(documents, rows, settings.seed)) {
    put('conversations/text-only', { key: row.id, members: { json: JSON.stringify(row) } });
    for (const turn of row.conversations)
      result.tokens['conversations'] = (result.tokens['conversations'] ?? 0) + estimateTokens(turn.value);
    count(result.tally, 'conversations/text-only');
  }
  return result;
}
