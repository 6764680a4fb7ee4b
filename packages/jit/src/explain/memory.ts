/** What a graph needs of memory while it runs, node by node. */
import { executionOrder } from '../ir/execution-order.ts';
import { ABSENT, type Graph, type IrDType, sizeOf, type ValueInfo } from '../ir/graph.ts';

const widths: Record<IrDType, number> = { float32: 4, int32: 4, int64: 8, bool: 1 };
export const bytesOf = ({ shape, dtype }: ValueInfo): number => sizeOf(shape) * widths[dtype];

/** Operators whose result is their first operand under another shape: ONNX Runtime copies nothing. */
export const aliasing: ReadonlySet<string> = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

/**
 * Most bytes of intermediate results alive at once, in the order in which ONNX Runtime runs the nodes. Inputs, constants and outputs of the graph
 * are not counted: their memory is the caller's.
 */
export function peakIntermediateBytes(graph: Graph): { bytes: number; node: number | undefined } {
  const owner = aliasOwners(graph);
  const root = (value: number): number => owner.get(value) ?? value;
  const free = new Set([
    ...graph.inputs.map(({ value }) => value),
    ...graph.outputs.map(({ value }) => root(value)),
    ...graph.constants.keys(),
  ]);
  const order = executionOrder(graph);
  const lastUse = new Map<number, number>();
  for (const [time, index] of order.entries()) {
    const node = graph.nodes[index]!;
    for (const value of [...node.inputs, ...node.outputs]) if (value !== ABSENT) lastUse.set(root(value), time);
  }
  let live = 0;
  let bytes = 0;
  let peak: number | undefined;
  const size = (value: number) => (free.has(value) ? 0 : bytesOf(graph.values[value]!));
  for (const [time, index] of order.entries()) {
    const node = graph.nodes[index]!;
    const made = node.outputs.filter((value) => value !== ABSENT && root(value) === value);
    const dead = [...new Set(node.inputs.filter((value) => value !== ABSENT).map(root))].filter(
      (value) => lastUse.get(value) === time,
    );
    live = made.reduce((sum, value) => sum + size(value), live);
    if (live > bytes) [bytes, peak] = [live, index];
    for (const value of new Set([...dead, ...made.filter((output) => lastUse.get(output) === time)]))
      live -= size(value);
  }
  return { bytes, node: peak };
}

/** The value whose memory each aliasing result shares. */
function aliasOwners(graph: Graph): Map<number, number> {
  const owner = new Map<number, number>();
  for (const { op, domain, inputs, outputs } of graph.nodes) {
    if (!domain && aliasing.has(op)) owner.set(outputs[0]!, owner.get(inputs[0]!) ?? inputs[0]!);
  }
  return owner;
}
