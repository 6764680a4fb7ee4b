import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { compiledKernels, isCompiled, refusedKernels } from './op-coverage.ts';
import { operationsPage } from './testing/operations-page.ts';
import { refusals } from './trace/refusals.ts';

test('every kernel that tfjs names compiles, or is refused for a reason', () => {
  const names = Object.entries(tf).filter(([name, value]) => name === value);
  const all = [...compiledKernels(), ...refusedKernels()].map(({ kernel }) => kernel);
  expect(all.toSorted()).toEqual(names.map(([name]) => name).toSorted());
  for (const { kernel, reason } of refusedKernels()) expect(reason, kernel).not.toBe('');
  expect(Object.keys(refusals).filter(isCompiled)).toEqual([]);
});

test('the page of operations says what the code does', async () => {
  await expect(operationsPage()).toMatchFileSnapshot(join(import.meta.dirname, '../docs/operations.md'));
});
