import * as tf from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../ir/graph-builder.ts';
import { lowerings } from './kernels/index.ts';
import { unsupported } from './lowering.ts';
import type { TraceBackend } from './trace-backend.ts';

/** All kernels that tfjs knows by name, so that one that does not lower fails with a clear message. */
export const kernelNames: readonly string[] = Object.entries(tf as unknown as Record<string, unknown>)
  .filter(([name, value]) => name === value || (typeof value === 'string' && /^(_F|F)used/.test(value)))
  .map(([, value]) => value as string);

/** Registers every kernel of tfjs for a backend: it appends to the graph, or says why it cannot. */
export function registerKernels(backendName: string, builder: GraphBuilder, backend: TraceBackend): void {
  for (const kernelName of new Set([...kernelNames, ...Object.keys(lowerings)])) {
    const lower = lowerings[kernelName];
    const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) => {
      if (!lower)
        throw unsupported(
          kernelName,
          'it has no lowering. compiledKernels() lists those that have; express it with them, or emit an ONNX node with fusedOp.',
        );
      const values: Record<string, number> = {};
      for (const [name, info] of Object.entries(inputs)) if (info) values[name] = backend.lookup(info);
      const made = lower(builder, { kernel: kernelName, inputs: values, attrs: attrs ?? {} });
      const infos = [made].flat().map((value) => ({
        dataId: backend.bind(value),
        shape: [...builder.shape(value)],
        dtype: builder.dtype(value) as tf.DataType,
      }));
      return Array.isArray(made) ? infos : infos[0]!;
    };
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
}

export function unregisterKernels(backendName: string): void {
  for (const { kernelName } of tf.getKernelsForBackend(backendName)) tf.unregisterKernel(kernelName, backendName);
}
