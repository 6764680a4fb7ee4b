import '@tensorflow/tfjs-backend-cpu';
import { type Engine, onnxEngine, type Signature, tfjsEngine } from '@vlm/jit';
import type { ParameterArrays } from '../parameters.ts';

/** Every engine that runs everywhere. */
export const engines: [name: string, open: () => Engine][] = [
  ['onnx', () => onnxEngine({ threads: 1, worker: false })],
  ['tfjs cpu', () => tfjsEngine({ backend: 'cpu' })],
];

export function bind(signature: Signature, arrays: ParameterArrays) {
  return Object.fromEntries(
    Object.entries(signature).map(([name, { shape, dtype }]) => [
      name,
      { spec: { shape, dtype }, data: arrays[name]! },
    ]),
  );
}

export function zeros(arrays: ParameterArrays): ParameterArrays {
  return Object.fromEntries(Object.entries(arrays).map(([name, data]) => [name, new Float32Array(data.length)]));
}
