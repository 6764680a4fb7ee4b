import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import type { Graph } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { onnxModel } from '../onnx/onnx-model.ts';
import { mlp } from '../testing/networks.ts';
import { traceTrainStep } from '../trace/trace-train-step.ts';
import { hideShapes, zeroInput } from './hide-shapes.ts';

const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

/** x [2, 3] under two other shapes, added to fills of which one is long. */
function reshaped(): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', f32(2, 3));
  const column = b.reshape(x, [6, 1]);
  const table = b.binary('Add', b.expand(column, [6, 100]), b.constant(2, [6, 100], 'float32'));
  const y = b.binary('Add', b.reshape(table, [3, 200]), b.constant(3, [3, 1], 'float32'));
  b.graph.outputs = [
    { name: 'y', value: y },
    { name: 'z', value: b.unary('Neg', b.reshape(x, [6, 1])) },
  ];
  return b.graph;
}

async function run(graph: Graph, feeds: Record<string, ort.Tensor>) {
  const session = await ort.InferenceSession.create(onnxModel(graph), { logSeverityLevel: 4 });
  const results = await session.run(feeds);
  const shapes = session.inputMetadata.map((input) => (input.isTensor ? input.shape : undefined));
  return { shapes, results: Object.entries(results).map(([name, { data, dims }]) => [name, dims, data]) };
}

test('a graph says the same with its shapes hidden, and fed a zero', async () => {
  const x = new ort.Tensor('float32', Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3]);
  const known = await run(reshaped(), { x });
  const graph = reshaped();
  hideShapes(graph);
  const hidden = await run(graph, { x, [zeroInput]: new ort.Tensor('int64', new BigInt64Array(1), [1]) });
  expect(hidden.results).toEqual(known.results);
  expect(known.shapes).toEqual([[2, 3]]);
  expect(hidden.shapes).toEqual([[], [1]]);
});

test('no shape follows from a constant any more, and a shape that is used twice is hidden once', () => {
  const graph = reshaped();
  const twice = graph.nodes.filter(({ op }) => op === 'Reshape');
  twice.at(-1)!.inputs[1] = twice[0]!.inputs[1]!;
  hideShapes(graph);
  const shapes = graph.nodes.filter(({ op }) => /Reshape|Expand/.test(op)).map(({ inputs }) => inputs[1]!);
  expect(shapes.some((shape) => graph.constants.has(shape))).toBe(false);
  const zero = graph.inputs.at(-1)!.value;
  // Two reshapes to [6, 1], one to [3, 200], one expansion and the long fill.
  expect(graph.nodes.filter(({ op, inputs }) => op === 'Add' && inputs[1] === zero)).toHaveLength(4);
  expect(graph.nodes.filter(({ op }) => op === 'ConstantOfShape')).toHaveLength(0);
});

test('a shape that is no constant stays as it is', () => {
  const b = new GraphBuilder();
  const x = b.input('x', f32(4));
  const shape = b.input('shape', { shape: [2], dtype: 'int64' });
  b.graph.outputs = [{ name: 'y', value: b.node('Reshape', [x, shape], [2, 2], 'float32') }];
  hideShapes(b.graph);
  expect(b.graph.nodes).toHaveLength(1);
  expect(b.graph.nodes[0]!.inputs).toEqual([x, shape]);
});

test('a training step on the host tells ONNX Runtime no shape of its inputs', async () => {
  const { definition } = mlp();
  const { model } = traceTrainStep(definition, Object.keys(definition.variants)[0]!);
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
  const told = session.inputMetadata.filter((input) => input.isTensor && input.shape.length > 0);
  expect(told.map(({ name }) => name)).toEqual([zeroInput]);
});
