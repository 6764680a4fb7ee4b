/**
 * Consecutive rows of a matrix lie side by side in memory. So where a graph splits a parameter by rows, the parts become inputs of their own,
 * and where it joins a gradient by rows, the parts become outputs: the caller passes views of the whole, and nothing is copied or kept twice.
 */
import { type Graph, type IrNode, producers, sizeOf } from '../ir/graph.ts';

/** An input or output of a graph that is a part of a larger array of the state. */
export interface StatePart {
  /** Name of the input or output of which it is a part. */
  of: string;
  /** Numbers before it. */
  offset: number;
  shape: readonly number[];
}

/**
 * The graph is changed in place. A whole input stays an input, also where nothing reads it any more; a whole output is replaced.
 * @param isState whether an input or output of that name may be passed in parts
 * @returns the parts by the names of the new inputs and outputs
 */
export function partsOfState(graph: Graph, isState: (name: string) => boolean): Record<string, StatePart> {
  const parts: Record<string, StatePart> = {};
  const gone = new Set<IrNode>();
  const taken = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));

  const inputs = new Map(graph.inputs.filter(({ name }) => isState(name)).map(({ name, value }) => [value, name]));
  for (const node of graph.nodes) {
    const of = isByRows(node, 'Split') ? inputs.get(node.inputs[0]!) : undefined;
    if (of === undefined) continue;
    inputs.delete(node.inputs[0]!); // Two ways to split one input would need names of their own.
    gone.add(node);
    graph.inputs.push(...named(of, node.outputs));
  }

  const made = producers(graph);
  const read = new Set(graph.nodes.flatMap((node) => node.inputs));
  const isOutput = new Set(graph.outputs.map(({ value }) => value));
  graph.outputs = graph.outputs.flatMap((output) => {
    const node = made.get(output.value);
    const fits = isState(output.name) && node && isByRows(node, 'Concat') && !read.has(output.value);
    const isFree = (part: number, i: number) =>
      made.has(part) && !gone.has(made.get(part)!) && !isOutput.has(part) && node!.inputs.indexOf(part) === i;
    if (!fits || !node.inputs.every(isFree)) return [output];
    gone.add(node);
    for (const part of node.inputs) isOutput.add(part);
    return named(output.name, node.inputs);
  });
  graph.nodes = graph.nodes.filter((node) => !gone.has(node));
  return parts;

  function named(of: string, values: readonly number[]): { name: string; value: number }[] {
    let offset = 0;
    return values.map((value, i) => {
      const { shape } = graph.values[value]!;
      let name = `${of}/${i}`;
      while (taken.has(name)) name += '_'; // The caller may have given such a name.
      taken.add(name);
      parts[name] = { of, offset, shape };
      offset += sizeOf(shape);
      return { name, value };
    });
  }
}

const isByRows = ({ op, domain, attributes: { axis } }: IrNode, wanted: 'Split' | 'Concat'): boolean =>
  op === wanted && domain === '' && axis?.type === 'int' && axis.value === 0;
