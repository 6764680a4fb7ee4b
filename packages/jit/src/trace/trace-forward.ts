import * as tf from '@tensorflow/tfjs-core';
import { avoidOperators } from '../devices/avoid-operators.ts';
import { type DeviceTraits, traitsOf } from '../devices/device-traits.ts';
import type { ForwardFunction, ForwardOptions, Signature, TensorSpec } from '../engine.ts';
import { type Graph, sameShape } from '../ir/graph.ts';
import { indexBounds } from '../ir/index-bounds.ts';
import { JitError } from '../jit-error.ts';
import { onnxModel } from '../onnx/onnx-model.ts';
import { optimise } from '../passes/optimise.ts';
import { checkArrays, checkSignature } from '../signature-check.ts';
import { withTrace } from './trace.ts';
import type { VariablePolicy } from './variables.ts';

/** Checks the weights against their shapes. @throws {JitError} `invalid-definition`, `invalid-batch` */
export function checkForward(options: ForwardOptions): void {
  const { constants, inputs } = options;
  const specs = Object.fromEntries(Object.entries(constants).map(([name, { spec }]) => [name, spec]));
  checkSignature('constants', specs, ['float32']);
  checkSignature('inputs', inputs);
  checkState(options);
  checkArrays(
    'constants',
    specs,
    Object.fromEntries(Object.entries(constants).map(([name, { data }]) => [name, data])),
  );
}

function checkState({ inputs, state = {} }: ForwardOptions): void {
  for (const [name, { data }] of Object.entries(state)) {
    const spec = inputs[name];
    if (!spec) {
      throw new JitError(
        'invalid-definition',
        `state.${name} is no input; expected some of ${Object.keys(inputs).join(', ')}.`,
      );
    }
    checkArrays('state', { [name]: spec }, { [name]: data });
  }
}

/** @throws {JitError} `invalid-definition` unless the output that replaces each part of the state has its shape and dtype */
export function checkNextState({ inputs, state = {} }: ForwardOptions, outputs: Signature): void {
  for (const [name, { next }] of Object.entries(state)) {
    const [was, is] = [inputs[name]!, outputs[next]];
    if (is && is.dtype === was.dtype && sameShape(is.shape, was.shape)) continue;
    const got = is ? `${is.dtype} [${is.shape.join(', ')}]` : 'nothing';
    throw new JitError(
      'invalid-definition',
      `Expected the new value of the state ${name} to be ${was.dtype} [${was.shape.join(', ')}] like the old one, got ${got}.`,
    );
  }
}

export interface TracedForward {
  graph: Graph;
  outputs: Signature;
  /** What each index of an input must lie below, by the input's name. */
  bounds: Record<string, number>;
  /** Variables that the function reads, each an input of the graph (`variableInput`). */
  variables: readonly tf.Variable[];
}

/**
 * A function as an ONNX model with its weights inside.
 * @returns the model's bytes, the shapes of its outputs, and the variables that it reads
 */
export function traceForward(
  fn: ForwardFunction,
  options: ForwardOptions,
  variables: VariablePolicy = 'constants',
  device: DeviceTraits = traitsOf('cpu'),
): Omit<TracedForward, 'graph'> & { model: Uint8Array } {
  const { graph, ...rest } = traceForwardGraph(fn, options, variables, device);
  return { ...rest, model: onnxModel(graph) };
}

export function traceForwardGraph(
  fn: ForwardFunction,
  options: ForwardOptions,
  variables: VariablePolicy = 'constants',
  device: DeviceTraits = traitsOf('cpu'),
): TracedForward {
  checkForward(options);
  return withTrace(
    (trace) => {
      const { builder, input, constant, graphValue } = trace;
      const constants = Object.fromEntries(
        Object.entries(options.constants).map(([name, { spec, data }]) => [name, constant(data, spec)]),
      );
      const inputs = Object.fromEntries(
        Object.entries(options.inputs).map(([name, spec]) => [name, input(name, spec)]),
      );
      const outputs: Record<string, TensorSpec> = {};
      for (const [name, tensor] of Object.entries(fn(constants, inputs))) {
        if (!(tensor instanceof tf.Tensor)) {
          throw new JitError('invalid-definition', `Expected the output ${name} to be a tensor, got ${typeof tensor}.`);
        }
        if (name in options.inputs) {
          throw new JitError('invalid-definition', `The name ${name} is both an input and an output: rename one.`);
        }
        const dtype = tensor.dtype === 'float32' ? 'float32' : 'int32';
        outputs[name] = { shape: tensor.shape, dtype };
        builder.graph.outputs.push({ name, value: builder.cast(graphValue(tensor), dtype) });
      }
      avoidOperators(builder.graph, device.avoid);
      optimise(builder.graph);
      const bounds = indexBounds(builder.graph);
      return { graph: builder.graph, outputs, bounds, variables: trace.variables };
    },
    { variables },
  );
}
