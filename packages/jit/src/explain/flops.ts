import { type AttributeValue, type Graph, type IrNode, sizeOf } from '../ir/graph.ts';

/** Operators that move or make numbers without computing any. */
const movers = new Set(
  (
    'Reshape Squeeze Unsqueeze Flatten Identity Transpose Expand Tile Slice Concat Split Pad Gather GatherND GatherElements ' +
    'ScatterND ScatterElements Cast Where Shape ConstantOfShape OneHot DepthToSpace SpaceToDepth ReverseSequence'
  ).split(' '),
);
/** Operators that read everything to give less: one operation per number read. */
const reductions = /^(Reduce|Arg|AveragePool|MaxPool|GlobalAveragePool|TopK)/;
/** Rough numbers of operations per number of the result. */
const perElement: Record<string, number> = {
  Softmax: 5,
  LogSoftmax: 5,
  LayerNormalization: 8,
  SimplifiedLayerNormalization: 6,
};

/**
 * Floating-point operations of one node, a multiplication and an addition counted as two. Products, convolutions and attention are exact
 * (attention without the half that a causal mask saves); of the rest, one per number.
 */
export function flopsOf(graph: Graph, node: IrNode): number {
  const shape = (value: number | undefined) => (value === undefined || value < 0 ? [] : graph.values[value]!.shape);
  const [x, w] = [shape(node.inputs[0]), shape(node.inputs[1])];
  const out = shape(node.outputs[0]);
  switch (node.op) {
    case 'MatMul':
    case 'FusedMatMul':
      return 2 * sizeOf(out) * (x.at(-1) ?? 1);
    case 'Gemm': {
      const flag = node.attributes['transA'];
      const depth = flag?.type === 'int' && flag.value === 1 ? x[0] : x[1];
      return 2 * sizeOf(out) * (depth ?? 1);
    }
    case 'Conv':
      return (2 * sizeOf(out) * sizeOf(w)) / (w[0] || 1);
    case 'ConvTranspose':
      return (2 * sizeOf(x) * sizeOf(w)) / (w[0] || 1);
    case 'Einsum':
      return einsumFlops(node.attributes['equation'], node.inputs.map(shape));
    case 'Attention':
      // Scores and the mixed values: [B, T, D] against S keys each.
      return 4 * sizeOf(x) * (w.at(-2) ?? 1);
    default:
      if (movers.has(node.op)) return 0;
      if (reductions.test(node.op)) return sizeOf(x);
      return sizeOf(out) * (perElement[node.op] ?? 1);
  }
}

/** One multiplication and one addition for every combination of the labels. */
function einsumFlops(equation: AttributeValue | undefined, shapes: readonly (readonly number[])[]): number {
  if (equation?.type !== 'string') return 0;
  const sizes = new Map<string, number>();
  for (const [i, labels] of equation.value.split('->')[0]!.split(',').entries())
    for (const [axis, label] of [...labels].entries()) sizes.set(label, shapes[i]![axis]!);
  return 2 * sizeOf([...sizes.values()]);
}
