import type { Graph } from '../ir/graph.ts';

/** ONNX wants every output computed by a node of its own: outputs that are inputs, constants or other outputs are copied. */
export function distinctOutputs(graph: Graph): void {
  const taken = new Set([...graph.inputs.map(({ value }) => value), ...graph.constants.keys()]);
  for (const output of graph.outputs) {
    if (taken.has(output.value)) {
      const copy = graph.values.push({ ...graph.values[output.value]! }) - 1;
      graph.nodes.push({ op: 'Identity', domain: '', inputs: [output.value], outputs: [copy], attributes: {} });
      output.value = copy;
    }
    taken.add(output.value);
  }
}
