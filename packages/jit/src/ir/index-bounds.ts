import { ABSENT, type Graph, type IrNode, producers } from './graph.ts';

/** Operators that hand on every number of their inputs as it is. */
const handsOn = new Set([
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Expand',
  'Tile',
  'Concat',
  'Identity',
  'Cast',
]);

/**
 * The int32 inputs whose numbers are indices as they come, and how many rows the smallest table has that they look up. Indices are data, and what is
 * wrong with them does not always show: ONNX counts −1 from the end, a graphics processor reads what lies there.
 *
 * @returns by name of the input, each index must lie in 0 … n − 1
 */
export function indexBounds(graph: Graph): Record<string, number> {
  const made = producers(graph);
  const names = new Map(graph.inputs.map(({ name, value }) => [value, name]));
  const bounds: Record<string, number> = {};
  const limit = (value: number, rows: number): void => {
    const name = names.get(value);
    if (name !== undefined && graph.values[value]!.dtype === 'int32') {
      bounds[name] = Math.min(rows, bounds[name] ?? rows);
    }
    const node = made.get(value);
    if (node && handsOn.has(node.op)) for (const input of node.inputs) if (input !== ABSENT) limit(input, rows);
  };
  for (const node of graph.nodes) {
    const rows = rowsOfTable(graph, node);
    if (rows !== undefined) limit(node.inputs[1]!, rows);
  }
  return bounds;
}

/** Undefined for nodes that look nothing up, and where an index has several coordinates. */
function rowsOfTable({ values }: Graph, { op, domain, inputs, attributes }: IrNode): number | undefined {
  if (domain !== '' || (op !== 'Gather' && op !== 'GatherND')) return undefined;
  const [table, indices] = inputs.slice(0, 2).map((value) => values[value]!.shape) as [readonly number[], number[]];
  const number = (name: string): number => (attributes[name] as { value: number } | undefined)?.value ?? 0;
  if (op === 'GatherND') return indices.at(-1) === 1 ? table[number('batch_dims')] : undefined;
  return table.at(number('axis'));
}
