import { type Graph, type IrNode, sizeOf } from '../ir/graph.ts';

const f32 = Math.fround;

/** Operators on numbers that are the same everywhere in the array; rounded as ONNX Runtime would. */
const binary: Record<string, (x: number, y: number) => number> = {
  Add: (x, y) => x + y,
  Sub: (x, y) => x - y,
  Mul: (x, y) => x * y,
  Div: (x, y) => x / y,
  Max: Math.max,
  Min: Math.min,
};
const unary: Record<string, (x: number) => number> = {
  Neg: (x) => -x,
  Abs: Math.abs,
  Sqrt: Math.sqrt,
  Reciprocal: (x) => 1 / x,
  Floor: Math.floor,
  Ceil: Math.ceil,
};
/** Operators that only move or copy elements: a fill stays the same fill. */
const movers = new Set(['Reshape', 'Transpose', 'Expand', 'Tile', 'Slice', 'Identity', 'Unsqueeze', 'Squeeze']);

/** Computes what depends on fills alone, so that fills and broadcasts of fills never take memory or time. */
export function foldConstants(graph: Graph): boolean {
  let changed = false;
  for (const node of graph.nodes) {
    const output = node.outputs[0];
    if (output === undefined || node.outputs.length !== 1 || node.domain || graph.constants.has(output)) continue;
    const folded = fold(graph, node, output);
    if (folded === undefined) continue;
    graph.constants.set(output, folded);
    changed = true;
  }
  if (changed) graph.nodes = graph.nodes.filter((node) => !graph.constants.has(node.outputs[0]!));
  return changed;
}

function fold(graph: Graph, node: IrNode, output: number): number | undefined {
  const fill = (i: number) => {
    const data = graph.constants.get(node.inputs[i] ?? -1);
    return typeof data === 'number' ? data : undefined;
  };
  const { dtype } = graph.values[output]!;
  const x = fill(0);
  if (x === undefined) return undefined;
  if (movers.has(node.op)) return x;
  if (node.op === 'Cast') {
    if (dtype === 'bool') return x === 0 ? 0 : 1;
    return dtype === 'float32' ? f32(x) : Math.trunc(x);
  }
  if (dtype !== 'float32') return undefined;
  if (node.inputs.length === 1 && unary[node.op]) return f32(unary[node.op]!(x));
  const y = fill(1);
  if (y !== undefined && node.inputs.length === 2 && binary[node.op]) return f32(binary[node.op]!(x, y));
  return undefined;
}

/** What a value holds everywhere, if it is a fill. */
export function fillOf(graph: Graph, value: number): number | undefined {
  const data = graph.constants.get(value);
  if (typeof data === 'number') return data;
  return data !== undefined && sizeOf(graph.values[value]!.shape) === 1 ? Number(data[0]) : undefined;
}
