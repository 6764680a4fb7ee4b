import { type Graph, int, ints, producers, substitute } from '../ir/graph.ts';

/**
 * Transposes of transposes become one, or none; a transpose that moves only axes of size 1 becomes a reshape; and a transpose of a matrix
 * becomes a flag of the product that reads it.
 */
export function cancelTransposes(graph: Graph): boolean {
  const made = producers(graph);
  const same = new Map<number, number>();
  let changed = false;
  const permOf = (value: number | undefined): readonly number[] | undefined => {
    const node = value === undefined ? undefined : made.get(value);
    const perm = node?.op === 'Transpose' && !node.domain ? node.attributes['perm'] : undefined;
    return perm?.type === 'ints' ? perm.value : undefined;
  };
  for (const node of graph.nodes) {
    if (node.domain) continue;
    if (node.op === 'Transpose') {
      const [input, output] = [node.inputs[0]!, node.outputs[0]!];
      const outer = permOf(output)!;
      const inner = permOf(input);
      if (inner) {
        const perm = outer.map((axis) => inner[axis]!);
        node.inputs[0] = made.get(input)!.inputs[0]!;
        node.attributes['perm'] = ints(perm);
        changed = true;
      }
      const perm = permOf(output)!;
      const { shape } = graph.values[node.inputs[0]!]!;
      if (perm.every((axis, i) => axis === i)) {
        same.set(output, node.inputs[0]!);
      } else if (isReshape(perm, shape)) {
        const target = graph.values.push({ shape: [shape.length], dtype: 'int64' }) - 1;
        graph.constants.set(target, BigInt64Array.from(graph.values[output]!.shape, BigInt));
        node.op = 'Reshape';
        node.inputs = [node.inputs[0]!, target];
        node.attributes = {};
        changed = true;
      }
    } else if (node.op === 'Gemm') {
      for (const [i, flag] of ['transA', 'transB'].entries()) {
        if (!permOf(node.inputs[i])) continue;
        node.inputs[i] = made.get(node.inputs[i]!)!.inputs[0]!;
        const set = node.attributes[flag]?.type === 'int' && node.attributes[flag].value === 1;
        node.attributes[flag] = int(set ? 0 : 1);
        changed = true;
      }
    }
  }
  substitute(graph, same);
  if (same.size) graph.nodes = graph.nodes.filter((node) => !same.has(node.outputs[0]!));
  return changed || same.size > 0;
}

/** Axes longer than 1 keep their order. */
function isReshape(perm: readonly number[], shape: readonly number[]): boolean {
  const long = perm.filter((axis) => shape[axis] !== 1);
  return long.every((axis, i) => i === 0 || axis > long[i - 1]!);
}
