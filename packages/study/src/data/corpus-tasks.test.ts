import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCorpus, corpusSettings } from '@vlm/corpus';
import {
  type EvalRow,
  guessingModel,
  oracleModel,
  runMultipleChoice,
  runVision,
  type VisionItem,
  wilsonInterval,
} from '@vlm/evals';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EvalItems, readEvalItems } from './eval-items.ts';

const vision = [
  'captioning',
  'cluttered-grounding',
  'counting',
  'existence',
  'grounding',
  'open-vqa',
  'reading',
  'relations',
];
const text = [
  'antonym',
  'capital',
  'definition-word',
  'example-cloze',
  'hypernym',
  'last-word',
  'minimal-pairs',
  'next-sentence',
];
let directory: string;
let items: EvalItems;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'corpus-tasks-'));
  const settings = corpusSettings('smoke', {
    captions: 0,
    conversations: { scenes: 0 },
    evals: {
      newScene: { relations: 60, counting: 60, existence: 60, reading: 40, clutteredGrounding: 24, grounding: 24 },
    },
  });
  await buildCorpus(settings, { directory: join(directory, 'corpus'), threads: 0 });
  items = await readEvalItems(join(directory, 'corpus'));
}, 60_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

const show = { image: ({ id }: VisionItem) => id, conditions: ['image'] as const };

it('a corpus holds every task, vision and text', () => {
  expect(Object.keys(items.vision).sort()).toEqual(vision);
  expect(Object.keys(items.text).sort()).toEqual(text);
});

/** Does a model's mean score lie where chance is, as far as so many answers can tell? */
function expectChance(rows: readonly EvalRow[]): void {
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const chance = sum(rows.map((row) => row.chance!)) / rows.length;
  const { low, high } = wilsonInterval(Math.round(sum(rows.map(({ score }) => score))), rows.length, 0.999);
  expect(low).toBeLessThanOrEqual(chance);
  expect(high).toBeGreaterThanOrEqual(chance);
}

const guesses = Array.from({ length: 40 }, (_, seed) => seed);

describe.each(vision)('%s', (name) => {
  it('gives a model that reads the truth everything', async () => {
    const task = items.vision[name]!;
    const rows = await runVision(oracleModel(task), task, show);
    const seen = rows.filter(({ condition }) => condition === 'image');
    expect(seen.map(({ score }) => score)).toEqual(task.map(() => 1));
  });

  it('gives a guess what chance says', async () => {
    const task = items.vision[name]!;
    const rounds = await Promise.all(guesses.map((seed) => runVision(guessingModel(task, { seed }), task, show)));
    expectChance(rounds.flat().filter(({ condition }) => condition === 'image'));
  });
});

describe.each(text)('%s', (name) => {
  it('gives the truth everything, and a coin chance', async () => {
    const task = items.text[name]!;
    const knowing = await runMultipleChoice(oracleModel(task), task);
    expect(knowing.map(({ score }) => score)).toEqual(task.map(() => 1));
    expect(knowing[0]!.chance).toBe(1 / task[0]!.choices.length);
    const rounds = await Promise.all(guesses.map((seed) => runMultipleChoice(guessingModel(task, { seed }), task)));
    expectChance(rounds.flat());
  });
});
