import { ABSENT, type Graph, type IrNode } from './graph.ts';

/** Nodes of whose outputs no other node reads any, by position. */
export function leafNodes(graph: Graph): number[] {
  const read = new Set(graph.nodes.flatMap((node) => node.inputs));
  return graph.nodes.flatMap((node, i) => (node.outputs.some((output) => read.has(output)) ? [] : [i]));
}

/**
 * The order in which ONNX Runtime's sequential executor runs a graph, as positions in `graph.nodes`: a depth-first walk from the leaves to what
 * they need, which starts at the last leaf, and at each node turns to the operand that was written last.
 *
 * Source: onnxruntime `Graph::ReverseDFSFrom` and `GraphViewer` (the default topological order).
 */
export function executionOrder(graph: Graph): number[] {
  const maker = new Map<number, number>();
  for (const [i, node] of graph.nodes.entries()) {
    for (const output of node.outputs) if (output !== ABSENT) maker.set(output, i);
  }
  const needs = ({ inputs }: IrNode): number[] => {
    const makers = inputs.flatMap((input) => maker.get(input) ?? []);
    return [...new Set(makers)].sort((a, b) => a - b);
  };
  const order: number[] = [];
  const seen = new Set<number>();
  const stack: { node: number; leave: boolean }[] = leafNodes(graph).map((node) => ({ node, leave: false }));
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (top.leave) order.push(top.node);
    else if (!seen.has(top.node)) {
      seen.add(top.node);
      stack.push({ node: top.node, leave: true });
      for (const node of needs(graph.nodes[top.node]!)) if (!seen.has(node)) stack.push({ node, leave: false });
    }
  }
  return order;
}
