import type { Graph } from '../../ir/graph.ts';
import { GraphBuilder } from '../../ir/graph-builder.ts';

/** A graph with inputs x [2, 3], y [2, 3], row [3] and the outputs that `build` returns. */
export function graphOf(build: (b: GraphBuilder, x: number, y: number, row: number) => number[]): Graph {
  const b = new GraphBuilder();
  const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const outputs = build(b, b.input('x', f32(2, 3)), b.input('y', f32(2, 3)), b.input('row', f32(3)));
  b.graph.outputs = outputs.map((value, i) => ({ name: `out${i}`, value }));
  return b.graph;
}

export const ops = (graph: Graph): string[] => graph.nodes.map((node) => node.op);
