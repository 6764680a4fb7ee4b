import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { JitError } from '../jit-error.ts';
import { tfjsEngine } from '../tfjs-engine.ts';
import { loadBackend } from './load-backend.ts';

const failing = (error: Error) => () => {
  throw error;
};

test('a backend whose package is not installed: what to install', () => {
  const missing = Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
  expect(() => loadBackend('tensorflow', failing(missing))).toThrow(
    /tfjs-node-gpu: not installed.*tfjs-node: not installed/,
  );
});

test('a package without its binary: why, and what its loader said', () => {
  const broken = new Error('The Node.js native addon module (tfjs_binding.node) can not be found');
  expect(() => loadBackend('tensorflow', failing(broken))).toThrow(
    /installed, but its native library .* CUDA 11\.2 .* can not be found/,
  );
});

test('an unknown backend: which there are', async () => {
  const compile = tfjsEngine({ backend: 'abacus' }).compileForward(() => ({}), { constants: {}, inputs: {} });
  await expect(compile).rejects.toThrow(/No tfjs backend called abacus .* tensorflow, cpu/);
  await expect(compile).rejects.toBeInstanceOf(JitError);
});

test('a backend is loaded when it is first asked for', async () => {
  const forward = await tfjsEngine({ backend: 'cpu' }).compileForward(() => ({}), { constants: {}, inputs: {} });
  expect(await forward.run({})).toEqual({});
});

test('where no backend is registered, tfjs-node-gpu is looked for first, and both packages are named', async () => {
  const registered = tf.engine().registryFactory;
  const names = Object.keys(registered);
  const previous = tf.getBackend();
  const kept = names.map((name) => [name, registered[name]!] as const);
  for (const name of names) tf.removeBackend(name);
  try {
    await expect(tfjsEngine().compileForward(() => ({}), { constants: {}, inputs: {} })).rejects.toThrow(
      /No tfjs backend called tensorflow \(registered: none\).*tfjs-node-gpu: not installed.*tfjs-node: not installed.*backend: 'cpu'/,
    );
  } finally {
    for (const [name, { factory, priority }] of kept) tf.registerBackend(name, factory, priority);
    if (previous) await tf.setBackend(previous);
  }
});

test('a registered backend runs the step: that of tfjs-node-gpu is called tensorflow', async () => {
  tf.registerBackend('tensorflow', () => tf.findBackend('cpu'), 3);
  try {
    expect(() => loadBackend('tensorflow', failing(new Error('not asked for')))).not.toThrow();
  } finally {
    tf.removeBackend('tensorflow');
  }
});
