import { ABSENT, type Graph, type IrNode, producers, substitute } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { JitError } from '../jit-error.ts';
import type { AvoidedOperator } from './device-traits.ts';

/** Appends what computes an operator's output from its inputs in other operators; `undefined` where the operator may stay. */
type Replacement = (b: GraphBuilder, node: IrNode, made: ReadonlyMap<number, IrNode>) => number | undefined;

/** By operator and position of the output. */
const replacements: Record<string, Replacement> = {
  // 1 / √(mean(x²) + ε) over the axes from `axis` on
  'SimplifiedLayerNormalization 1': (b, { inputs, attributes }) => {
    const x = inputs[0]!;
    const rank = b.shape(x).length;
    const given = attributes['axis']?.type === 'int' ? attributes['axis'].value : -1;
    const axis = given < 0 ? given + rank : given;
    const epsilon = attributes['epsilon']?.type === 'float' ? attributes['epsilon'].value : 1e-5;
    const axes = b.int64s(Array.from({ length: rank - axis }, (_, i) => axis + i));
    const shape = b.shape(x).map((dimension, i) => (i < axis ? dimension : 1));
    const meanSquare = b.node('ReduceMean', [b.binary('Mul', x, x), axes], shape, 'float32');
    return b.unary('Reciprocal', b.unary('Sqrt', b.binary('Add', meanSquare, b.scalar(epsilon, 'float32'))));
  },
  // Is there a NaN along these axes? NaN is what differs from itself.
  'ReduceMax 0': (b, { inputs, outputs, attributes }, made) => {
    const test = made.get(inputs[0]!);
    if (b.dtype(inputs[0]!) !== 'bool' || test?.op !== 'IsNaN') return undefined;
    const x = test.inputs[0]!;
    const isNumber = b.cast(b.binary('Equal', x, x, 'bool'), 'float32');
    const rest = inputs.slice(1);
    const all = b.node('ReduceMin', [isNumber, ...rest], b.shape(outputs[0]!), 'float32', attributes);
    return b.binary('Less', all, b.scalar(0.5, 'float32'), 'bool');
  },
};

/** Replaces outputs that a provider computes wrongly, or not at all, by equal ones; the operator keeps the others. The graph is changed in place. */
export function avoidOperators(graph: Graph, avoid: readonly AvoidedOperator[]): void {
  if (avoid.length === 0) return;
  const b = new GraphBuilder(graph);
  const nodes = graph.nodes;
  const made = producers(graph);
  const replaced = new Map<number, number>();
  graph.nodes = [];
  for (const node of nodes) {
    graph.nodes.push(node);
    for (const { op, output } of avoid) {
      const value = node.outputs[output];
      if (node.op !== op || value === undefined || value === ABSENT) continue;
      const replacement = replacements[`${op} ${output}`];
      if (!replacement) throw new JitError('unsupported-op', `${op}: its output ${output} is wrong on this device.`);
      const instead = replacement(b, node, made);
      if (instead === undefined) continue;
      replaced.set(value, instead);
      node.outputs[output] = ABSENT;
      while (node.outputs.at(-1) === ABSENT) node.outputs.pop();
    }
  }
  graph.nodes = graph.nodes.filter(({ outputs }) => outputs.length > 0);
  substitute(graph, replaced);
}
