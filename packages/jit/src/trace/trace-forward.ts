import * as tf from '@tensorflow/tfjs-core';
import type { ForwardFunction, ForwardOptions, TensorSpec } from '../engine.ts';
import { JitError } from '../jit-error.ts';
import { onnxModel } from '../onnx/onnx-model.ts';
import { optimise } from '../passes/optimise.ts';
import { checkArrays, checkSignature } from '../signature-check.ts';
import { withTrace } from './trace.ts';

/** Checks the weights against their shapes. @throws {JitError} `invalid-definition`, `invalid-batch` */
export function checkForward({ constants, inputs }: ForwardOptions): void {
  const specs = Object.fromEntries(Object.entries(constants).map(([name, { spec }]) => [name, spec]));
  checkSignature('constants', specs, ['float32']);
  checkSignature('inputs', inputs);
  checkArrays(
    'constants',
    specs,
    Object.fromEntries(Object.entries(constants).map(([name, { data }]) => [name, data])),
  );
}

/**
 * A function as an ONNX model with its weights inside.
 * @returns the model's bytes and the shapes of its outputs
 */
export function traceForward(
  fn: ForwardFunction,
  options: ForwardOptions,
): { model: Uint8Array; outputs: Record<string, TensorSpec> } {
  checkForward(options);
  return withTrace(({ builder, input, constant, graphValue }) => {
    const constants = Object.fromEntries(
      Object.entries(options.constants).map(([name, { spec, data }]) => [name, constant(data, spec)]),
    );
    const inputs = Object.fromEntries(Object.entries(options.inputs).map(([name, spec]) => [name, input(name, spec)]));
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
    optimise(builder.graph);
    return { model: onnxModel(builder.graph), outputs };
  });
}
