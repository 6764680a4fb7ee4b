import * as tf from '@tensorflow/tfjs-core';
import { avoidOperators } from '../devices/avoid-operators.ts';
import { type DeviceTraits, traitsOf } from '../devices/device-traits.ts';
import type { NamedTensors, TrainStepDefinition } from '../engine.ts';
import type { Graph } from '../ir/graph.ts';
import { indexBounds } from '../ir/index-bounds.ts';
import { JitError } from '../jit-error.ts';
import { onnxModel } from '../onnx/onnx-model.ts';
import { sumsOfSquares } from '../optimizer/sums-of-squares.ts';
import { hideShapes } from '../passes/hide-shapes.ts';
import { optimise } from '../passes/optimise.ts';
import { partsOfState } from '../passes/parts-of-state.ts';
import { variantSignature } from '../train-definition.ts';
import { withTrace } from './trace.ts';
import { names, type TracedStep } from './traced-step.ts';

/** @throws {JitError} when the loss cannot be traced */
export function traceTrainStep(
  definition: TrainStepDefinition,
  variant: string,
  device: DeviceTraits = traitsOf('cpu'),
): TracedStep {
  const { graph, ...rest } = traceTrainGraph(definition, variant, device);
  if (device.state !== 'host') return { ...rest, model: onnxModel(graph) };
  hideShapes(graph);
  return { ...rest, model: onnxModel(graph, names.inPlace) };
}

export function traceTrainGraph(
  definition: TrainStepDefinition,
  variant: string,
  device: DeviceTraits = traitsOf('cpu'),
): Omit<TracedStep, 'model'> & { graph: Graph } {
  const signature = variantSignature(definition, variant);
  return withTrace((trace) => {
    const { builder, input, graphValue } = trace;
    const entries = Object.entries(definition.params);
    const params: NamedTensors = Object.fromEntries(
      entries.map(([name, spec]) => [name, input(names.param(name), spec)]),
    );
    const batch: NamedTensors = Object.fromEntries(
      Object.entries(signature).map(([name, spec]) => [name, input(names.batch(name), spec)]),
    );
    const trained = entries.map(([name]) => name).filter((name) => !definition.frozen?.includes(name));
    const metrics: Record<string, number> = {};
    const { value, grads } = lossAndGradients(
      () => {
        const result = definition.loss(params, batch, variant);
        for (const [name, metric] of Object.entries(result.metrics ?? {})) {
          checkScalar(`metrics.${name}`, metric);
          metrics[name] = builder.cast(graphValue(metric), 'float32');
        }
        checkScalar('loss', result.loss, 'float32');
        return result.loss;
      },
      trained.map((name) => params[name]!),
    );
    const { graph } = builder;
    graph.outputs.push({ name: names.loss, value: graphValue(value) });
    for (const [name, metric] of Object.entries(metrics))
      graph.outputs.push({ name: names.metric(name), value: metric });
    const gradients: string[] = [];
    const untouched: string[] = [];
    for (const [i, name] of trained.entries()) {
      const gradient = grads[i];
      if (!gradient) untouched.push(name);
      else {
        gradients.push(name);
        graph.outputs.push({ name: names.gradient(name), value: graphValue(gradient) });
      }
    }
    const hasSumsOfSquares = device.optimizer === 'graph' && gradients.length > 0;
    if (hasSumsOfSquares) {
      const values = graph.outputs.slice(-gradients.length).map(({ value }) => value);
      graph.outputs.push({ name: names.sumsOfSquares, value: sumsOfSquares(builder, values) });
    }
    avoidOperators(graph, device.avoid);
    let parts: TracedStep['parts'] = {};
    optimise(graph, () => {
      if (device.state === 'host') parts = partsOfState(graph, names.isState);
    });
    const bounds = Object.fromEntries(
      Object.entries(indexBounds(graph)).map(([name, rows]) => [names.stateOf(name), rows]),
    );
    return { graph, metrics: Object.keys(metrics), gradients, untouched, parts, hasSumsOfSquares, bounds };
  });
}

/** tfjs's tape; a parameter that the loss does not touch has no gradient. */
export function lossAndGradients(
  loss: () => tf.Scalar,
  xs: tf.Tensor[],
): { value: tf.Scalar; grads: (tf.Tensor | undefined)[] } {
  if (xs.length === 0) return { value: loss(), grads: [] };
  const { value, grads } = tf.engine().gradients(loss, xs, undefined as unknown as tf.Tensor, true);
  return { value: value as tf.Scalar, grads };
}

export function checkScalar(name: string, tensor: tf.Tensor | undefined, dtype?: string): void {
  if (tensor instanceof tf.Tensor && tensor.rank === 0 && (!dtype || tensor.dtype === dtype)) return;
  const got = tensor instanceof tf.Tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : typeof tensor;
  throw new JitError(
    'invalid-definition',
    `loss(): expected ${name} to be a scalar${dtype ? ` of ${dtype}` : ''}, got ${got}.`,
  );
}
