import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCorpus, corpusSettings } from '@vlm/corpus';
import {
  type EvalModel,
  type EvalPrompt,
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

function answerOf({ target }: VisionItem): string {
  switch (target.kind) {
    case 'answers':
      return target.answers[0]!;
    case 'yes-no':
      return target.answer;
    case 'box':
      return `[${target.box.map((value) => value.toFixed(2)).join(', ')}]`;
    case 'caption':
      return target.objects.join(' and ');
    case 'choice':
      return target.options[target.answer]!;
  }
}

/** Says what `says` finds for the item whose picture is shown. */
function modelOf(task: readonly VisionItem[], says: (item: VisionItem) => string): EvalModel<string> {
  const byId = new Map(task.map((item) => [item.id, item]));
  const said = ({ image }: EvalPrompt<string>): string => says(byId.get(image!)!);
  return {
    generate: async (prompts) => prompts.map(said),
    logLikelihood: async (requests) =>
      requests.map(({ prompt, continuation }) => ({
        logProb: continuation.trim() === said(prompt) ? -0.1 : -5,
        tokens: 1,
        bytes: Buffer.byteLength(continuation),
      })),
  };
}

/** A stream of numbers in [0, 1) that looks random (Weyl). */
function numbers(): () => number {
  let at = 0;
  return () => {
    at = (at + 0.6180339887498949) % 1;
    return at;
  };
}

const show = { image: ({ id }: VisionItem) => id, conditions: ['image'] as const };

it('a corpus holds every task, vision and text', () => {
  expect(Object.keys(items.vision).sort()).toEqual(vision);
  expect(Object.keys(items.text).sort()).toEqual(text);
});

describe.each(vision)('%s', (name) => {
  it('gives a model that reads the truth everything', async () => {
    const task = items.vision[name]!;
    const rows = await runVision(modelOf(task, answerOf), task, show);
    const seen = rows.filter(({ condition }) => condition === 'image');
    expect(seen).toHaveLength(task.length);
    expect(seen.filter(({ score }) => score !== 1)).toEqual([]);
  });

  it('gives a model that guesses among the answers of its kind what chance gives', async () => {
    const task = items.vision[name]!;
    const next = numbers();
    const pools = new Map<string, string[]>();
    const key = ({ split, type }: VisionItem): string => `${split}/${type}`;
    for (const item of task) {
      const pool = pools.get(key(item)) ?? [];
      pools.set(key(item), pool.includes(answerOf(item)) ? pool : [...pool, answerOf(item)]);
    }
    const rows = await runVision(
      modelOf(task, (item) => {
        const pool = item.target.kind === 'yes-no' ? ['yes', 'no'] : pools.get(key(item))!;
        return pool[Math.floor(next() * pool.length)]!;
      }),
      task,
      show,
    );
    const seen = rows.filter(({ condition }) => condition === 'image');
    const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
    // A box or a caption may be drawn that is the item's own, which chance leaves out.
    const own = ['box', 'caption'].includes(task[0]!.target.kind);
    const chance =
      sum(
        seen.map((row, i) => {
          const pool = pools.get(key(task[i]!))!.length;
          return own ? row.chance! + (1 - row.chance!) / pool : row.chance!;
        }),
      ) / task.length;
    const { low, high } = wilsonInterval(sum(seen.map(({ score }) => score)), task.length, 0.999);
    expect(low).toBeLessThanOrEqual(chance);
    expect(high).toBeGreaterThanOrEqual(chance);
  });
});

describe.each(text)('%s', (name) => {
  it('gives the truth everything, and a coin chance', async () => {
    const task = items.text[name]!;
    const right = new Set(task.map((item) => `${item.context}|${item.choices[item.answer]}`));
    const judge = (score: (key: string) => number): EvalModel => ({
      generate: async () => [],
      logLikelihood: async (requests) =>
        requests.map(({ prompt, continuation }) => ({
          logProb: score(`${prompt.text}|${continuation}`),
          tokens: 1,
          bytes: 1,
        })),
    });
    const knowing = await runMultipleChoice(
      judge((key) => (right.has(key) ? -1 : -2)),
      task,
    );
    expect(knowing.map(({ score }) => score)).toEqual(task.map(() => 1));
    const next = numbers();
    let rounds: number[] = [];
    for (let i = 0; i < 40; i++)
      rounds = [
        ...rounds,
        ...(
          await runMultipleChoice(
            judge(() => -next() - 0.01),
            task,
          )
        ).map(({ score }) => score),
      ];
    const { low, high } = wilsonInterval(
      rounds.reduce((a, b) => a + b, 0),
      rounds.length,
      0.999,
    );
    const chance = knowing[0]!.chance!;
    expect(chance).toBe(1 / task[0]!.choices.length);
    expect(low).toBeLessThanOrEqual(chance);
    expect(high).toBeGreaterThanOrEqual(chance);
  });
});
