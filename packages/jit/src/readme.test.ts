import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import '@tensorflow/tfjs-backend-cpu';
import { compiledKernels, jit } from './index.ts';

tf.env().set('PROD', true); // No greeting of tfjs on the console.
const run = promisify(execFile);

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

const example = fileURLToPath(new URL('../examples/fit-a-line.js', import.meta.url));

test('the example of the README is the file that runs here, as a program of its own', async () => {
  expect(readme).toContain(`\`\`\`js\n${readFileSync(example, 'utf8')}\`\`\``);
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const { stdout } = await run(process.execPath, ['--import', tsx, '--conditions=@vlm/source', example]);
  const [w0, w1, b] = [...stdout.matchAll(/(-?[\d.]+)(?= [,\]]|,)/g)].map(([, number]) => Number(number));
  expect(w0).toBeCloseTo(-1, 3);
  expect(w1).toBeCloseTo(2, 3);
  expect(b).toBeCloseTo(1, 3);
});

test('the short examples of the README', async () => {
  const options = { threads: 1, worker: false };
  const x = tf.tensor1d([1, 2, 3]);
  const slope = jit(
    (x: tf.Tensor1D, factor: tf.Scalar) => tf.grad((z) => tf.sum(tf.mul(tf.square(z), factor)))(x),
    options,
  );
  expect(await (await slope(x, 3)).array()).toEqual([6, 12, 18]);
  const average = jit(
    (mean: tf.Tensor1D, x: tf.Tensor1D) => {
      const next = tf.add(tf.mul(mean, 0.9), tf.mul(x, 0.1)) as tf.Tensor1D;
      return [next, tf.sum(next)] as const;
    },
    { ...options, state: tf.zeros([3]) as tf.Tensor1D },
  );
  expect(await (await average(x)).array()).toBeCloseTo(0.6);
  expect((await (await average.getState()).array()).map((value) => Number(value.toFixed(6)))).toEqual([0.1, 0.2, 0.3]);
  for (const f of [slope, average]) await f.dispose();
});

test('the table of the README lists every kernel that compiles', () => {
  const all = compiledKernels();
  const list = (hasGradient: boolean) =>
    all.filter((entry) => entry.hasGradient === hasGradient).map(({ kernel }) => `\`${kernel}\``);
  expect(readme).toContain(list(true).join(' '));
  expect(readme).toContain(list(false).join(' '));
});
