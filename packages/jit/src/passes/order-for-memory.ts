import { peakIntermediateBytes } from '../explain/memory.ts';
import { ABSENT, type Graph, type IrNode } from '../ir/graph.ts';

/**
 * Writes the nodes in an order that ONNX Runtime turns into one that needs little memory.
 *
 * The order of a trace is a good one: what is made is soon used, and the gradient of a weight is taken when what it needs is at hand. But ONNX
 * Runtime walks from the leaves to what they need, the last written first (`executionOrder`): a running sum of products would first compute
 * every product. So nodes are written as late ones first as their operands allow, and the walk then meets early ones first.
 */
export function orderForMemory(graph: Graph): void {
  const before = peakIntermediateBytes(graph).bytes;
  const traced = graph.nodes;
  graph.nodes = latestFirst(traced);
  if (peakIntermediateBytes(graph).bytes >= before) graph.nodes = traced;
}

/** Nodes in an order in which they can run; where there is a choice, the one that stood last. */
function latestFirst(nodes: readonly IrNode[]): IrNode[] {
  const maker = new Map<number, number>();
  for (const [i, node] of nodes.entries()) for (const output of node.outputs) maker.set(output, i);
  maker.delete(ABSENT);
  const missing = nodes.map(() => 0);
  const readers: number[][] = nodes.map(() => []);
  for (const [i, { inputs }] of nodes.entries()) {
    for (const from of new Set(inputs.flatMap((input) => maker.get(input) ?? []))) {
      readers[from]!.push(i);
      missing[i]!++;
    }
  }
  const ready = nodes.flatMap((_, i) => (missing[i] === 0 ? [i] : [])); // ascending
  const order: IrNode[] = [];
  const leaves: IrNode[] = [];
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    (readers[next]!.length ? order : leaves).push(nodes[next]!);
    for (const reader of readers[next]!) if (--missing[reader]! === 0) insert(ready, reader);
  }
  // A leaf waits for nothing, and would come too early; the walk starts at the last one.
  const position = new Map(nodes.map((node, i) => [node, i]));
  return [...order, ...leaves.sort((a, b) => position.get(b)! - position.get(a)!)];
}

/** Into a sorted list, by bisection. */
function insert(sorted: number[], value: number): void {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, value);
}
