import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lossSpikes } from './loss-spikes.ts';
import { jsonLog, type MetricsRow } from './metrics-log.ts';
import { wandbLog } from './wandb-log.ts';

const row = (step: number): MetricsRow => ({
  step,
  tokens: step * 10,
  lossTokens: step * 9,
  loss: 3,
  lr: 0.1,
  gradNorm: 1,
  variant: 'text',
  tokensPerSecond: 5,
  waitShare: 0,
  metrics: { crossEntropy: 2.5 },
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'metrics-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const lines = async (name: string): Promise<unknown[]> =>
  (await readFile(join(directory, name), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

it('JSON lines: opened again, the rows that will come again are gone', async () => {
  const path = join(directory, 'run', 'metrics.jsonl');
  const first = jsonLog(path)(0);
  for (const step of [1, 2, 3, 4]) first.write(row(step));
  first.close();
  const second = jsonLog(path)(2);
  second.write(row(3));
  second.close();
  expect(await lines('run/metrics.jsonl')).toEqual([1, 2, 3].map(row));
});

it('the history of Weights & Biases: flat names, its own step and clocks, cut in the same way', async () => {
  const clock = { now: 1_700_000_000_000 };
  const path = join(directory, 'wandb-history.jsonl');
  const open = wandbLog(path, () => clock.now);
  const first = open(0);
  clock.now += 1500;
  for (const step of [1, 2]) first.write(row(step));
  first.cut(1);
  first.close();
  open(1).close();
  const { step, metrics, variant, ...numbers } = row(1);
  expect(await lines('wandb-history.jsonl')).toEqual([
    { _step: 1, _timestamp: 1_700_000_001.5, _runtime: 1.5, ...numbers, 'metrics/crossEntropy': 2.5 },
  ]);
});

it.each([
  ['notes', '# my notes\n'.repeat(3)],
  ['JSON lines of another kind', '{"name":"a"}\n{"name":"b"}\n'],
  ['one line without an end', '{"name":"a"}'],
  ['rows, and then something else', '{"step":1}\n{"step":9}\nnotes\n'],
])('a file of %s is left as it is', async (_, text) => {
  const path = join(directory, 'file');
  for (const open of [jsonLog(path), wandbLog(path)]) {
    await writeFile(path, text);
    expect(() => open(0)).toThrow(/expected rows with a number "_?step" in .*; .* choose another path/);
    expect(await readFile(path, 'utf8')).toBe(text);
  }
});

it.each(['{"st', '{"step":1,"tok', ''])('a first row that was not finished (%s) is cut off', async (text) => {
  const path = join(directory, 'metrics.jsonl');
  await writeFile(path, text);
  const log = jsonLog(path)(0);
  log.write(row(1));
  log.close();
  expect(await lines('metrics.jsonl')).toEqual([row(1)]);
});

it('a loss is a spike where it stands far above the recent ones, not while it falls or wavers', () => {
  const spike = lossSpikes();
  for (let i = 0; i < 200; i++) expect(spike(8 * Math.exp(-i / 20) + 2 + 0.05 * Math.sin(i))).toBeUndefined();
  expect(spike(4)).toBeCloseTo(2, 1);
  for (let i = 0; i < 20; i++) expect(spike(2 + 0.05 * Math.sin(i))).toBeUndefined();
});

it('the first losses are never a spike, and equal ones do not make the next an outlier', () => {
  const early = lossSpikes();
  for (let i = 0; i < 15; i++) expect(early(i === 14 ? 1000 : 1)).toBeUndefined();
  const flat = lossSpikes();
  for (let i = 0; i < 64; i++) flat(2);
  expect(flat(2.1)).toBeUndefined();
  expect(flat(2.2)).toBe(2);
});
