import { ABSENT, type ConstantData, type Graph, substitute } from '../ir/graph.ts';

/** Constants above this many elements are not compared. */
const MAX_COMPARED = 4096;

/** Computes once what is computed twice: nodes with equal operator, attributes and operands, and equal constants. */
export function mergeCommonSubexpressions(graph: Graph): boolean {
  const same = new Map<number, number>();
  const seenConstants = new Map<string, number>();
  for (const [value, data] of graph.constants) {
    const content = contentOf(data);
    if (content === undefined) continue;
    const { shape, dtype } = graph.values[value]!;
    const key = `${dtype}|${shape.join()}|${content}`;
    const first = seenConstants.get(key);
    if (first === undefined) seenConstants.set(key, value);
    else same.set(value, first);
  }
  const seen = new Map<string, number[]>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => same.get(input) ?? input);
    const present = node.outputs.map((output) => (output === ABSENT ? 0 : 1)).join('');
    const key = `${node.domain}|${node.op}|${inputs.join()}|${present}|${JSON.stringify(node.attributes)}`;
    const first = seen.get(key);
    if (!first) seen.set(key, node.outputs);
    else for (const [i, output] of node.outputs.entries()) if (output !== ABSENT) same.set(output, first[i]!);
  }
  substitute(graph, same);
  return same.size > 0 && graph.nodes.some((node) => node.outputs.some((output) => same.has(output)));
}

function contentOf(data: ConstantData): string | undefined {
  if (typeof data === 'number') return `fill ${Object.is(data, -0) ? '-0' : data}`;
  return data.length <= MAX_COMPARED ? `data ${data.join()}` : undefined;
}
