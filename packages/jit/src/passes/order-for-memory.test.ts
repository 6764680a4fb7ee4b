import fc from 'fast-check';
import { expect, test } from 'vitest';
import { peakIntermediateBytes } from '../explain/memory.ts';
import { executionOrder } from '../ir/execution-order.ts';
import type { Graph } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { orderForMemory } from './order-for-memory.ts';

const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

/** Σ exp(x + i): traced term by term, so that two terms are alive at once. */
function runningSum(terms: number): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', f32(256));
  let sum = b.unary('Neg', x);
  for (let i = 0; i < terms; i++)
    sum = b.binary('Add', sum, b.unary('Exp', b.binary('Add', x, b.scalar(i, 'float32'))));
  b.graph.outputs = [{ name: 'y', value: b.unary('Neg', sum) }];
  return b.graph;
}

test('a running sum does not wait for all its terms', () => {
  const graph = runningSum(50);
  expect(peakIntermediateBytes(graph).bytes).toBeGreaterThan(50 * 1024);
  orderForMemory(graph);
  expect(peakIntermediateBytes(graph).bytes).toBeLessThanOrEqual(3 * 1024);
});

test('a gradient of a weight is taken when what it needs is at hand', () => {
  const b = new GraphBuilder();
  let dy = b.input('dy', f32(256));
  const gradients: number[] = [];
  for (let i = 0; i < 20; i++) {
    const wide = b.unary('Exp', b.expand(b.reshape(dy, [1, 256]), [4, 256]));
    gradients.push(b.node('ReduceSum', [wide], [1], 'float32'));
    dy = b.unary('Tanh', dy);
  }
  b.graph.outputs = [...gradients, dy].map((value, i) => ({ name: `g${i}`, value }));
  const before = peakIntermediateBytes(b.graph).bytes;
  orderForMemory(b.graph);
  expect(peakIntermediateBytes(b.graph).bytes).toBeLessThan(before / 2);
});

test('any graph keeps its nodes in an order in which they can run, and never needs more', () => {
  const node = fc.record({
    from: fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
    size: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(node, { minLength: 1, maxLength: 30 }), (list) => {
      const b = new GraphBuilder();
      const values = [b.input('x', f32(1))];
      for (const { from, size } of list) {
        values.push(
          b.node(
            'Sum',
            from.map((i) => values[i % values.length]!),
            [size],
            'float32',
          ),
        );
      }
      b.graph.outputs = values.slice(-2).map((value, i) => ({ name: `y${i}`, value }));
      const nodes = new Set(b.graph.nodes);
      const before = peakIntermediateBytes(b.graph).bytes;
      orderForMemory(b.graph);
      expect(new Set(b.graph.nodes)).toEqual(nodes);
      const known = new Set([values[0]]);
      for (const { inputs, outputs } of b.graph.nodes) {
        for (const input of inputs) expect(known.has(input)).toBe(true);
        for (const output of outputs) known.add(output);
      }
      expect(peakIntermediateBytes(b.graph).bytes).toBeLessThanOrEqual(before);
      expect([...executionOrder(b.graph)].sort((p, q) => p - q)).toEqual(b.graph.nodes.map((_, i) => i));
    }),
  );
});
