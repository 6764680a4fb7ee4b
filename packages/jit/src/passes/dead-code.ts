import { ABSENT, type Graph } from '../ir/graph.ts';

/** Removes nodes and constants from which no output of the graph can be reached. Graph inputs stay. */
export function removeDeadCode(graph: Graph): boolean {
  const needed = new Set(graph.outputs.map(({ value }) => value));
  const kept = graph.nodes
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((output) => output !== ABSENT && needed.has(output))) return false;
      for (const input of node.inputs) needed.add(input);
      return true;
    })
    .reverse();
  const changed = kept.length !== graph.nodes.length;
  graph.nodes = kept;
  for (const value of [...graph.constants.keys()]) if (!needed.has(value)) graph.constants.delete(value);
  return changed;
}
