import { ABSENT, type Graph } from '../ir/graph.ts';

/** Operators whose outputs after the first are optional. */
const optionalOutputs = new Set(['MaxPool']);

/** Removes nodes and constants from which no output of the graph can be reached. Graph inputs stay. */
export function removeDeadCode(graph: Graph): boolean {
  const needed = new Set(graph.outputs.map(({ value }) => value));
  const kept = graph.nodes
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((output) => output !== ABSENT && needed.has(output))) return false;
      for (const input of node.inputs) needed.add(input);
      // Trailing outputs that nobody reads need not be computed.
      while (node.outputs.length > 1 && optionalOutputs.has(node.op) && !needed.has(node.outputs.at(-1)!))
        node.outputs.pop();
      return true;
    })
    .reverse();
  const changed = kept.length !== graph.nodes.length;
  graph.nodes = kept;
  for (const value of [...graph.constants.keys()]) if (!needed.has(value)) graph.constants.delete(value);
  return changed;
}
