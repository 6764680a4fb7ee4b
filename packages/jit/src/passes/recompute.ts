/**
 * Results that the gradient needs once more, and that are cheap to have again from what is kept anyway, are computed again instead of kept:
 * the result of a layer norm, from its input, mean and inverse deviation; the product silu(gate) · up, from gate and up. Each is written in
 * another way than the first time, so that no pass, here or in ONNX Runtime, makes one of the two.
 */
import { ABSENT, type Graph, type IrNode, producers } from '../ir/graph.ts';
import { mergeCommonSubexpressions } from './common-subexpressions.ts';

/** One run over the graph. */
export function recompute(graph: Graph): boolean {
  const made = producers(graph);
  const readers = new Map<number, IrNode[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  const position = new Map(graph.nodes.map((node, i) => [node, i]));
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const inserted = new Map<IrNode, IrNode[]>();
  for (const node of graph.nodes) {
    const again = againLayerNorm(node) ?? againGated(node);
    const [value] = node.outputs as [number];
    if (!again || outputs.has(value)) continue;
    const late = lateReaders(value);
    const [first] = late;
    if (!first) continue;
    const nodes: IrNode[] = [];
    const copy = again(nodes);
    inserted.set(first, [...(inserted.get(first) ?? []), ...nodes]);
    for (const reader of late) reader.inputs = reader.inputs.map((input) => (input === value ? copy : input));
  }
  if (inserted.size === 0) return false;
  graph.nodes = graph.nodes.flatMap((node) => [...(inserted.get(node) ?? []), node]);
  mergeCommonSubexpressions(graph);
  return true;

  /** (x − mean) · inverse · gain + bias, where mean and inverse are kept for the gradient. */
  function againLayerNorm({ op, domain, inputs, outputs }: IrNode): ((nodes: IrNode[]) => number) | undefined {
    const [x, gain, bias] = inputs as [number, number, number?];
    const [, mean = ABSENT, inverse = ABSENT] = outputs;
    if (op !== 'LayerNormalization' || domain || !readers.has(mean) || !readers.has(inverse)) return undefined;
    return (nodes) => {
      const normal = binary(nodes, 'Mul', binary(nodes, 'Sub', x, mean, x), inverse, x);
      const scaled = binary(nodes, 'Mul', normal, gain, x);
      return bias === undefined || bias === ABSENT ? scaled : binary(nodes, 'Add', scaled, bias, x);
    };
  }

  /** gate · sigmoid(gate) · up, where the gradient takes that sigmoid. */
  function againGated({ op, domain, inputs: [silu, up] }: IrNode): ((nodes: IrNode[]) => number) | undefined {
    const gelu = op === 'Mul' && !domain ? made.get(silu!) : undefined;
    if (gelu?.op !== 'QuickGelu' || readers.get(silu!)!.length !== 1) return undefined;
    const { alpha } = gelu.attributes;
    const gate = gelu.inputs[0]!;
    const hasSigmoid = readers.get(gate)!.some((node) => node.op === 'Sigmoid' && !node.domain);
    if (alpha?.type !== 'float' || alpha.value !== 1 || !hasSigmoid) return undefined;
    return (nodes) => {
      const sigmoid = push(nodes, 'Sigmoid', [gate], gate);
      return binary(nodes, 'Mul', binary(nodes, 'Mul', gate, sigmoid, gate), up!, gate);
    };
  }

  /** Readers of a value that need the result of another of its readers, in order. */
  function lateReaders(value: number): IrNode[] {
    const direct = readers.get(value) ?? [];
    if (direct.length < 2) return [];
    const reached = new Set<IrNode>();
    const stack = direct.flatMap((node) => node.outputs);
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      for (const node of readers.get(next) ?? []) {
        if (reached.has(node)) continue;
        reached.add(node);
        stack.push(...node.outputs);
      }
    }
    return direct.filter((node) => reached.has(node)).sort((a, b) => position.get(a)! - position.get(b)!);
  }

  function binary(nodes: IrNode[], op: string, a: number, b: number, like: number): number {
    return push(nodes, op, [a, b], like);
  }

  function push(nodes: IrNode[], op: string, inputs: number[], like: number): number {
    const output = graph.values.push({ ...graph.values[like]! }) - 1;
    nodes.push({ op, domain: '', inputs, outputs: [output], attributes: {} });
    return output;
  }
}
