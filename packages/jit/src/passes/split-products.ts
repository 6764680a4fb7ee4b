/**
 * A product whose result is split, or whose operand is joined, along columns becomes several products: what is then split or joined
 * is the weights, which are small, and no longer the activations. So a decoder writes one matrix for queries, keys and values, and
 * none of their rows is ever copied. Legend: N rows, I inputs, O outputs; W [I, O], or [O, I] where the product transposes it.
 */
import { type AttributeValue, type Graph, type IrNode, int, producers, sizeOf } from '../ir/graph.ts';

/** One run over the graph; `Reshape`s that keep the last axis are looked through. */
export function splitProducts(graph: Graph): boolean {
  const made = producers(graph);
  const users = new Map<number, IrNode[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) users.set(input, [...(users.get(input) ?? []), node]);
  }
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const replaced = new Map<IrNode, IrNode[]>();
  for (const node of graph.nodes) {
    if (node.domain) continue;
    if (node.op === 'Split') splitResult(node);
    if (node.op === 'Concat') splitOperand(node);
  }
  if (replaced.size === 0) return false;
  graph.nodes = graph.nodes.flatMap((node) => replaced.get(node) ?? [node]);
  return true;

  /** Split(x · W) → x · W₁, x · W₂, … */
  function splitResult(split: IrNode): void {
    const sizes = columnSizes(graph, split, split.inputs[0]!, split.outputs);
    const gemm = sizes && producerThroughReshape(split.inputs[0]!);
    if (!sizes || gemm?.op !== 'Gemm' || gemm.inputs.length !== 2 || replaced.has(gemm) || !isPlain(gemm, 'transA'))
      return;
    const [x, weight] = gemm.inputs as [number, number];
    const [N, I] = graph.values[x]!.shape as [number, number];
    if (N < I) return;
    const nodes: IrNode[] = [];
    const parts = splitWeight(nodes, weight, isPlain(gemm, 'transB') ? 1 : 0, sizes);
    for (const [i, part] of parts.entries()) {
      const y = product(nodes, [x, part], [N, sizes[i]!], gemm.attributes);
      reshapeTo(nodes, y, split.outputs[i]!);
    }
    // In the place of the split; the product dies when nothing else reads it.
    replaced.set(split, nodes);
  }

  /** [x₁ x₂ …] · W → x₁ · W₁ + x₂ · W₂ + …, and [x₁ x₂ …]ᵀ · y → its rows x₁ᵀ · y, x₂ᵀ · y, … */
  function splitOperand(concat: IrNode): void {
    const joined = concat.outputs[0]!;
    const sizes = columnSizes(graph, concat, joined, concat.inputs);
    const products = sizes && usersThroughReshape(joined);
    if (!sizes || !products?.length) return;
    const fits = ({ op, domain, inputs }: IrNode, value: number) =>
      op === 'Gemm' && !domain && inputs.length === 2 && inputs[0] === value && inputs[1] !== value;
    if (!products.every(({ node, value }) => fits(node, value) && !replaced.has(node))) return;
    const N = sizeOf(graph.values[joined]!.shape) / graph.values[joined]!.shape.at(-1)!;
    if (products.some(({ node }) => N < graph.values[node.outputs[0]!]!.shape[1]!)) return;
    for (const { node } of products) {
      const nodes: IrNode[] = [];
      const rows = concat.inputs.map((part, i) => rowsOf(nodes, part, [N, sizes[i]!]));
      const [, other] = node.inputs as [number, number];
      const { shape } = graph.values[node.outputs[0]!]!;
      if (isPlain(node, 'transA')) {
        const weights = splitWeight(nodes, other, isPlain(node, 'transB') ? 0 : 1, sizes);
        const terms = rows.map((x, i) => product(nodes, [x, weights[i]!], shape, node.attributes));
        terms.slice(1).reduce((sum, term, i) => {
          const isLast = i === terms.length - 2;
          const total = isLast ? node.outputs[0]! : value(shape);
          nodes.push({ op: 'Add', domain: '', inputs: [sum, term], outputs: [total], attributes: {} });
          return total;
        }, terms[0]!);
      } else {
        const parts = rows.map((x, i) => product(nodes, [x, other], [sizes[i]!, shape[1]!], node.attributes));
        nodes.push({ op: 'Concat', domain: '', inputs: parts, outputs: node.outputs, attributes: { axis: int(0) } });
      }
      replaced.set(node, nodes);
    }
  }

  function producerThroughReshape(start: number): IrNode | undefined {
    for (let at = start; ; ) {
      const node = made.get(at);
      if (!node || outputs.has(at) || users.get(at)!.length !== 1) return undefined;
      if (node.op !== 'Reshape' || !keepsColumns(node)) return node;
      at = node.inputs[0]!;
    }
  }

  function usersThroughReshape(start: number): { node: IrNode; value: number }[] | undefined {
    if (outputs.has(start)) return undefined;
    const all: { node: IrNode; value: number }[] = [];
    for (const node of users.get(start) ?? []) {
      const further = node.op === 'Reshape' && keepsColumns(node) ? usersThroughReshape(node.outputs[0]!) : undefined;
      if (node.op === 'Reshape' && !further) return undefined;
      all.push(...(further ?? [{ node, value: start }]));
    }
    return all;
  }

  function keepsColumns({ inputs, outputs: [output] }: IrNode): boolean {
    return graph.values[inputs[0]!]!.shape.at(-1) === graph.values[output!]!.shape.at(-1);
  }

  function value(shape: readonly number[]): number {
    return graph.values.push({ shape: [...shape], dtype: 'float32' }) - 1;
  }

  function product(
    nodes: IrNode[],
    inputs: number[],
    shape: readonly number[],
    attributes: Record<string, AttributeValue>,
  ): number {
    const output = value(shape);
    nodes.push({ op: 'Gemm', domain: '', inputs, outputs: [output], attributes: { ...attributes } });
    return output;
  }

  function splitWeight(nodes: IrNode[], weight: number, axis: 0 | 1, sizes: readonly number[]): number[] {
    const { shape } = graph.values[weight]!;
    const parts = sizes.map((size) => value(shape.with(axis, size)));
    const lengths = int64s(sizes);
    nodes.push({ op: 'Split', domain: '', inputs: [weight, lengths], outputs: parts, attributes: { axis: int(axis) } });
    return parts;
  }

  function reshapeTo(nodes: IrNode[], from: number, to: number): void {
    const shape = int64s(graph.values[to]!.shape);
    nodes.push({ op: 'Reshape', domain: '', inputs: [from, shape], outputs: [to], attributes: {} });
  }

  function rowsOf(nodes: IrNode[], from: number, shape: readonly number[]): number {
    const to = value(shape);
    reshapeTo(nodes, from, to);
    return to;
  }

  function int64s(numbers: readonly number[]): number {
    const id = graph.values.push({ shape: [numbers.length], dtype: 'int64' }) - 1;
    graph.constants.set(id, BigInt64Array.from(numbers, BigInt));
    return id;
  }
}

const isPlain = ({ attributes }: IrNode, flag: 'transA' | 'transB'): boolean => {
  const attribute = attributes[flag];
  return attribute?.type !== 'int' || attribute.value === 0;
};

/** Widths of the parts, where a `Split` or `Concat` works on the last axis of a matrix of floats. */
function columnSizes(graph: Graph, node: IrNode, whole: number, parts: readonly number[]): number[] | undefined {
  const { shape, dtype } = graph.values[whole]!;
  const axis = node.attributes['axis'];
  if (dtype !== 'float32' || axis?.type !== 'int' || axis.value !== shape.length - 1 || shape.length < 2)
    return undefined;
  return parts.map((part) => graph.values[part]!.shape.at(-1)!);
}
