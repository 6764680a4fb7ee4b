import { ABSENT, broadcastShapes, type Graph, producers, sameShape } from '../ir/graph.ts';

/** Operators that broadcast their operands by themselves, with the number of operands that take part. */
const broadcasting = new Set(
  'Add Sub Mul Div Pow Max Min Mod Where Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor'.split(' '),
);

/**
 * Lets elementwise operators broadcast: an operand that is an `Expand` of something smaller, or a fill, is replaced by the smaller thing
 * wherever the other operands already give the result its shape. The gradients of sums and means are such broadcasts.
 */
export function virtualBroadcasts(graph: Graph): boolean {
  const made = producers(graph);
  let changed = false;
  for (const node of graph.nodes) {
    if (node.domain || !broadcasting.has(node.op)) continue;
    const { shape } = graph.values[node.outputs[0]!]!;
    for (const [i, input] of node.inputs.entries()) {
      if (input === ABSENT) continue;
      const small = smaller(input);
      if (small === undefined) continue;
      const others = node.inputs.filter((_, j) => j !== i).map((value) => graph.values[value]!.shape);
      const result = others.reduce<readonly number[] | undefined>(
        (all, other) => all && broadcastShapes(all, other),
        small.shape,
      );
      if (!result || !sameShape(result, shape)) continue;
      node.inputs[i] = small.value();
      changed = true;
    }
  }
  return changed;

  function smaller(value: number): { shape: readonly number[]; value: () => number } | undefined {
    const data = graph.constants.get(value);
    const info = graph.values[value]!;
    if (typeof data === 'number') {
      if (info.shape.length === 0) return undefined;
      const scalar = () => {
        const id = graph.values.push({ shape: [], dtype: info.dtype }) - 1;
        graph.constants.set(id, data);
        return id;
      };
      return { shape: [], value: scalar };
    }
    const node = made.get(value);
    if (node?.op !== 'Expand' || node.domain) return undefined;
    const source = node.inputs[0]!;
    return { shape: graph.values[source]!.shape, value: () => source };
  }
}
