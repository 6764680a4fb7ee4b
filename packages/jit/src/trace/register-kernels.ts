import * as tf from '@tensorflow/tfjs-core';
import { gradients } from '../gradients/registry.ts';
import type { GraphBuilder } from '../ir/graph-builder.ts';
import { atCallSite } from './call-site.ts';
import { complexLowerings } from './kernels/complex.ts';
import { lowerings } from './kernels/index.ts';
import { type KernelCall, unsupported } from './lowering.ts';
import { refusals } from './refusals.ts';
import type { TraceBackend } from './trace-backend.ts';

/** All kernels that tfjs knows by name, so that one that does not lower fails with a clear message. */
export const kernelNames: readonly string[] = Object.entries(tf as unknown as Record<string, unknown>)
  .filter(([name, value]) => name === value)
  .map(([name]) => name);

/** Registers every kernel of tfjs for a backend: it appends to the graph, or says why it cannot. */
export function registerKernels(backendName: string, builder: GraphBuilder, backend: TraceBackend): void {
  for (const kernelName of new Set([...kernelNames, ...Object.keys(lowerings)])) {
    const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) => {
      try {
        if (!(kernelName in lowerings) && !(kernelName in complexLowerings)) throw notLowered(kernelName);
        if (!(kernelName in gradients)) backend.noteWithoutGradient(kernelName);
        const values: Record<string, number> = {};
        const complexInputs = new Set<string>();
        for (const [name, info] of Object.entries(inputs)) {
          if (!info) continue;
          values[name] = backend.lookup(info);
          if (info.dtype === 'complex64') complexInputs.add(name);
        }
        return lowered(builder, backend, { kernel: kernelName, inputs: values, attrs: attrs ?? {}, complexInputs });
      } catch (error) {
        throw atCallSite(kernelName, error);
      }
    };
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
}

function lowered(builder: GraphBuilder, backend: TraceBackend, call: KernelCall): tf.TensorInfo | tf.TensorInfo[] {
  const { kernel, complexInputs, attrs } = call;
  const info = (value: number, isComplex = false): tf.TensorInfo => {
    const shape = builder.shape(value);
    return {
      dataId: backend.bind(value),
      shape: isComplex ? shape.slice(0, -1) : [...shape],
      dtype: isComplex ? 'complex64' : (builder.dtype(value) as tf.DataType),
    };
  };
  const isComplex = complexInputs?.size || kernel === 'Complex' || attrs['dtype'] === 'complex64';
  if (isComplex) {
    const lower = complexLowerings[kernel];
    if (!lower)
      throw unsupported(kernel, 'it has no lowering for complex64 tensors: compute with tf.real and tf.imag.');
    const result = lower(builder, call, lowerings);
    if ('real' in result) return info(result.real);
    return Array.isArray(result.complex)
      ? result.complex.map((value) => info(value, true))
      : info(result.complex, true);
  }
  const lower = lowerings[kernel];
  if (!lower) throw notLowered(kernel);
  const made = lower(builder, call);
  return Array.isArray(made) ? made.map((value) => info(value)) : info(made);
}

const notLowered = (kernel: string) =>
  unsupported(
    kernel,
    refusals[kernel] ?? 'it is no kernel of tfjs; express it with those, or emit an ONNX node with fusedOp.',
  );

export function unregisterKernels(backendName: string): void {
  for (const { kernelName } of tf.getKernelsForBackend(backendName)) tf.unregisterKernel(kernelName, backendName);
}
