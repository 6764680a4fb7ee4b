import { type Graph, type IrNode, producers, sameShape, sizeOf, substitute } from '../ir/graph.ts';

/** x · W + b as one product: a bias added to the rows of a `Gemm` becomes its third operand. */
export function fuseBias(graph: Graph): boolean {
  const made = producers(graph);
  const uses = new Map<number, number>();
  const count = (value: number) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of graph.nodes) for (const input of node.inputs) count(input);
  for (const { value } of graph.outputs) count(value);

  const same = new Map<number, number>();
  for (const node of graph.nodes) {
    if (node.op !== 'Add' || node.domain) continue;
    const [x, y] = node.inputs as [number, number];
    const gemm = productOf(x) ?? productOf(y);
    if (!gemm) continue;
    const bias = productOf(x) ? y : x;
    const { shape } = graph.values[gemm.outputs[0]!]!;
    const biasShape = graph.values[bias]!.shape;
    const isRow = biasShape.at(-1) === shape[1] && sizeOf(biasShape) === shape[1] && biasShape.length <= 2;
    if (!isRow || !sameShape(graph.values[node.outputs[0]!]!.shape, shape) || !isEarlier(bias, gemm)) continue;
    gemm.inputs = [gemm.inputs[0]!, gemm.inputs[1]!, bias];
    same.set(node.outputs[0]!, gemm.outputs[0]!);
  }
  substitute(graph, same);
  if (same.size) graph.nodes = graph.nodes.filter((node) => !same.has(node.outputs[0]!));
  return same.size > 0;

  function productOf(value: number): IrNode | undefined {
    const node = made.get(value);
    return node?.op === 'Gemm' && node.inputs.length === 2 && uses.get(value) === 1 ? node : undefined;
  }
  function isEarlier(value: number, node: IrNode): boolean {
    const maker = made.get(value);
    return !maker || graph.nodes.indexOf(maker) < graph.nodes.indexOf(node);
  }
}
