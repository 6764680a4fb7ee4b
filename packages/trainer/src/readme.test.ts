import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxEngine } from '@vlm/jit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { customLoop } from './testing/custom-loop.ts';
import type { TrainingItem } from './training-item.ts';

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8');
const items: TrainingItem[] = Array.from({ length: 8 }, (_, n) => ({
  id: String(n),
  tokens: Int32Array.from({ length: 20 + n }, (_, i) => (i === 0 ? 0 : (n + i) % 60)),
  loss: new Uint8Array(20 + n).fill(1),
}));

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'readme-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

it('the README shows the example that runs here', async () => {
  expect(await read('../README.md')).toContain(await read('./testing/custom-loop.ts'));
});

it('the example learns, and goes on where it stopped', async () => {
  const engine = onnxEngine({ threads: 1, worker: false });
  const whole = await customLoop(engine, items, join(directory, 'whole'), 14);
  expect(whole).toHaveLength(14);
  expect(whole.at(-1)!).toBeLessThan(0.95 * whole[0]!);
  const first = await customLoop(engine, items, join(directory, 'cut'), 5);
  const second = await customLoop(engine, items, join(directory, 'cut'), 14);
  expect([...first, ...second]).toEqual(whole);
});
