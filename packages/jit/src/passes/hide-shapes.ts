import { type Graph, substitute } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { isLongFill } from '../onnx/onnx-model.ts';

/** The input that a graph with hidden shapes has beside its own: one 0, int64 [1]. */
export const zeroInput = 'zero';

/** Operators whose second operand is the shape of their result. */
const takesShape = new Set(['Reshape', 'Expand']);

/**
 * Hides from ONNX Runtime, until it runs, what shapes results have.
 *
 * Before it runs, ONNX Runtime plans which results share a buffer: one whose result is dead is kept for the next result of the very same shape,
 * until the last of them is dead. In a training step a result of the forward pass shares one with a result of the backward pass, and the
 * buffer lies idle in between, where most memory is in use: 80 of 626 MiB at the size M of `docs/engine-speed.md`, 170 of 434 at L1024. It
 * plans so only for shapes that it knows; a buffer of an unknown shape is free as soon as its result is dead.
 *
 * So inputs are written without shapes, and a constant from which a shape would follow is added to a zero that comes with every call.
 */
export function hideShapes(graph: Graph): void {
  const { nodes, constants, values } = graph;
  graph.nodes = [];
  graph.inputs = graph.inputs.map((input) => ({ ...input, hasHiddenShape: true }));
  const b = new GraphBuilder(graph);
  const zero = b.input(zeroInput, { shape: [1], dtype: 'int64' });

  const hidden = new Map<number, number>();
  for (const { op, domain, inputs } of nodes) {
    const shape = inputs[1]!;
    if (domain || !takesShape.has(op) || !constants.has(shape)) continue;
    if (!hidden.has(shape)) hidden.set(shape, b.binary('Add', shape, zero));
    inputs[1] = hidden.get(shape)!;
  }

  // A fill would be unrolled into a constant of its full size before the first run.
  const fills = new Map<number, number>();
  for (const [value, data] of [...constants]) {
    const { shape, dtype } = values[value]!;
    if (!isLongFill(data, shape)) continue;
    const target = b.binary('Add', b.int64s(shape), zero);
    fills.set(value, b.node('Expand', [b.scalar(data, dtype), target], shape, dtype));
  }
  graph.nodes.push(...nodes);
  substitute(graph, fills);
}
