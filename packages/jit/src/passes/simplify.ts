import { broadcastShapes, type Graph, type IrNode, producers, sameShape, substitute } from '../ir/graph.ts';
import { fillOf } from './fold-constants.ts';

/** Removes operations that change nothing: x + 0, x · 1, a reshape to the same shape, and reshapes of reshapes. */
export function simplify(graph: Graph): boolean {
  const same = new Map<number, number>();
  const made = producers(graph);
  let changed = false;
  for (const node of graph.nodes) {
    const output = node.outputs[0]!;
    const kept = unchangedOperand(graph, node);
    if (kept !== undefined && fits(graph, kept, output)) {
      same.set(output, same.get(kept) ?? kept);
      continue;
    }
    const inner = made.get(node.inputs[0]!);
    if (node.op === 'Reshape' && inner?.op === 'Reshape') {
      node.inputs[0] = inner.inputs[0]!;
      changed = true;
    }
  }
  substitute(graph, same);
  if (same.size) graph.nodes = graph.nodes.filter((node) => !same.has(node.outputs[0]!));
  return changed || same.size > 0;
}

function unchangedOperand(graph: Graph, { op, domain, inputs }: IrNode): number | undefined {
  if (domain) return undefined;
  const [x, y] = inputs as [number, number];
  const is = (value: number | undefined, number: number) => value !== undefined && fillOf(graph, value) === number;
  switch (op) {
    case 'Identity':
    case 'Cast':
    case 'Reshape':
    case 'Expand':
      return x;
    case 'Add':
      return is(y, 0) ? x : is(x, 0) ? y : undefined;
    case 'Sub':
      return is(y, 0) ? x : undefined;
    case 'Mul':
      return is(y, 1) ? x : is(x, 1) ? y : undefined;
    case 'Div':
      return is(y, 1) ? x : undefined;
    default:
      return undefined;
  }
}

function fits(graph: Graph, value: number, output: number): boolean {
  const [a, b] = [graph.values[value]!, graph.values[output]!];
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

/** A product with 1 that only broadcasts becomes the broadcast itself, which `virtualBroadcasts` can then absorb. */
export function productsToBroadcasts(graph: Graph): boolean {
  let changed = false;
  for (const node of graph.nodes) {
    if (node.domain || (node.op !== 'Mul' && node.op !== 'Add')) continue;
    const kept = unchangedOperand(graph, node);
    if (kept === undefined) continue;
    const { shape } = graph.values[node.outputs[0]!]!;
    if (!broadcastShapes(graph.values[kept]!.shape, shape)) continue;
    const target = graph.values.push({ shape: [shape.length], dtype: 'int64' }) - 1;
    graph.constants.set(target, BigInt64Array.from(shape, BigInt));
    node.op = 'Expand';
    node.inputs = [kept, target];
    changed = true;
  }
  return changed;
}
