import type { TrainStepDefinition } from '../engine.ts';
import { ABSENT, type Graph, sizeOf } from '../ir/graph.ts';
import { traceTrainGraph } from '../trace/trace-train-step.ts';
import { prepareDefinition } from '../train-definition.ts';
import { flopsOf } from './flops.ts';
import { aliasing, bytesOf, peakIntermediateBytes } from './memory.ts';

/** What the nodes of one operator do in one call. */
export interface OperatorCost {
  op: string;
  nodes: number;
  /** Floating-point operations. */
  flops: number;
  /** Bytes read and written, as if nothing stayed in a cache. */
  bytes: number;
}

/** What one call of a compiled function costs. Plain data; `explanationText` prints it. */
export interface Explanation {
  nodes: number;
  /** The most expensive first: by operations, then by bytes. */
  operators: OperatorCost[];
  flops: number;
  /** Bytes that all nodes read and write. */
  bytesMoved: number;
  /** Bytes that stay between calls: of a training step, parameters, gradients and moments. */
  stateBytes: number;
  /** Bytes of the parameters alone (of a function: of its state). */
  parameterBytes: number;
  /** Bytes of inputs that come with every call. */
  inputBytes: number;
  /** Bytes of constants in the graph. */
  constantBytes: number;
  /** Most bytes of intermediate results alive at once. */
  intermediateBytes: number;
  /** State, inputs, constants and intermediate results together: an estimate of what a call adds to the process. */
  peakBytes: number;
}

/**
 * What one step of a training definition costs, without running it.
 * @param variant default: the first of the definition
 * @throws {JitError} what tracing throws
 * @example
 * console.log(explanationText(explain(definition)));
 */
export function explain(
  definition: TrainStepDefinition,
  variant: string = Object.keys(definition.variants)[0] ?? '',
): Explanation {
  const { layout } = prepareDefinition(definition);
  const { graph } = traceTrainGraph(definition, variant);
  const isParameter = (name: string) => name.startsWith('param:');
  // Inputs may be parts of a parameter that is one, too: parameters are counted by their definition.
  const parameterBytes = 4 * Object.values(definition.params).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return { ...explainGraph(graph, isParameter, layout.bytes), parameterBytes };
}

/**
 * @param isState which inputs stay between calls
 * @param stateBytes what stays in all; default: those inputs
 */
export function explainGraph(graph: Graph, isState: (input: string) => boolean, stateBytes?: number): Explanation {
  const size = (value: number): number => {
    if (value === ABSENT) return 0;
    const data = graph.constants.get(value);
    return typeof data === 'number' ? 4 : bytesOf(graph.values[value]!);
  };
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + size(value), 0);
  const byOperator = new Map<string, OperatorCost>();
  for (const node of graph.nodes) {
    const cost = byOperator.get(node.op) ?? { op: node.op, nodes: 0, flops: 0, bytes: 0 };
    cost.nodes++;
    cost.flops += flopsOf(graph, node);
    if (!aliasing.has(node.op)) cost.bytes += sum(node.inputs) + sum(node.outputs);
    byOperator.set(node.op, cost);
  }
  const operators = [...byOperator.values()].sort((a, b) => b.flops - a.flops || b.bytes - a.bytes);
  const inputs = (kept: boolean) =>
    sum(graph.inputs.flatMap(({ name, value }) => (isState(name) === kept ? [value] : [])));
  const parts = {
    stateBytes: stateBytes ?? inputs(true),
    inputBytes: inputs(false),
    constantBytes: sum([...graph.constants.keys()]),
    intermediateBytes: peakIntermediateBytes(graph).bytes,
  };
  return {
    nodes: graph.nodes.length,
    operators,
    flops: operators.reduce((total, { flops }) => total + flops, 0),
    bytesMoved: operators.reduce((total, { bytes }) => total + bytes, 0),
    parameterBytes: inputs(true),
    ...parts,
    peakBytes: Object.values(parts).reduce((a, b) => a + b, 0),
  };
}

const units: [string, number][] = [
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
];

/** A number in three digits with its unit: 1 234 567 → `1.23 M`. */
function short(value: number, unit: string): string {
  const [prefix, factor] = units.find(([, size]) => value >= size) ?? ['', 1];
  return `${Number((value / factor).toPrecision(3))} ${prefix}${unit}`;
}

/** An explanation as a table, one line per operator, with the sums beneath. */
export function explanationText(explanation: Explanation): string {
  const { operators, nodes, flops, bytesMoved } = explanation;
  const rows = [
    ['operator', 'nodes', 'FLOP', 'moved'],
    ...operators.map((cost) => [cost.op, String(cost.nodes), short(cost.flops, ''), short(cost.bytes, 'B')]),
    ['all', String(nodes), short(flops, ''), short(bytesMoved, 'B')],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  const memory = [
    `state ${short(explanation.stateBytes, 'B')} (parameters ${short(explanation.parameterBytes, 'B')})`,
    `inputs ${short(explanation.inputBytes, 'B')}`,
    `constants ${short(explanation.constantBytes, 'B')}`,
    `intermediate results ${short(explanation.intermediateBytes, 'B')}`,
  ];
  return [...lines, `peak memory ${short(explanation.peakBytes, 'B')}: ${memory.join(', ')}`].join('\n');
}
