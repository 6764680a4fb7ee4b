import { expect, test } from 'vitest';
import { copyArrays } from './signature-check.ts';

test('a copy of a view holds the view alone, so that a message to a worker carries no more', () => {
  const around = new Float32Array(1000);
  const { x } = copyArrays('batch', { x: around.subarray(10, 14).fill(1) });
  expect([x, x!.buffer.byteLength]).toEqual([new Float32Array(4).fill(1), 16]);
});
