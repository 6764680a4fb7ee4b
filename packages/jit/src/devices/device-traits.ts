/** Where a graph runs, as plain data: what differs between devices is said here and nowhere else. */
import type { Device } from '../engine.ts';
import { JitError } from '../jit-error.ts';

export interface DeviceTraits {
  name: Device;
  /** ONNX Runtime's name of the execution provider. */
  provider: 'cpu' | 'webgpu' | 'cuda';
  /**
   * Where parameters, moments and gradients live between calls. `host`: in one WebAssembly memory that ONNX Runtime reads and writes.
   * `device`: in buffers of the device; only batches go in and only losses, metrics and norms come out.
   */
  state: 'host' | 'device';
  /** What updates the parameters: WebAssembly on the host's memory, or a graph that runs where the state is. */
  optimizer: 'wasm' | 'graph';
  /** Threads of the process share one device that is not guarded against them. */
  isShared: boolean;
  /** Operators that the provider computes wrongly or not at all, replaced by equal ones before the graph is written. */
  avoid: readonly AvoidedOperator[];
}

export interface AvoidedOperator {
  op: string;
  /** The position of the output that is replaced; the others are kept. */
  output: number;
  /** What was seen, and in which version of the provider. */
  symptom: string;
}

const devices: Record<Device, DeviceTraits> = {
  cpu: { name: 'cpu', provider: 'cpu', state: 'host', optimizer: 'wasm', isShared: false, avoid: [] },
  webgpu: {
    name: 'webgpu',
    provider: 'webgpu',
    state: 'device',
    optimizer: 'graph',
    isShared: true,
    avoid: [
      {
        op: 'SimplifiedLayerNormalization',
        output: 1,
        symptom: 'ONNX Runtime 1.30: the inverse deviation is wrong without an error',
      },
      {
        op: 'ReduceMax',
        output: 0,
        symptom:
          'ONNX Runtime 1.30: over booleans it runs on the CPU, as does IsNaN before it: logits travel to the host and back',
      },
    ],
  },
  // ONNX Runtime's Node binding keeps tensors on the device for WebGPU alone; with CUDA they travel with every call.
  cuda: { name: 'cuda', provider: 'cuda', state: 'host', optimizer: 'wasm', isShared: false, avoid: [] },
};

/** @throws {JitError} `invalid-definition` for a name that is no device */
export function traitsOf(name: string): DeviceTraits {
  if (Object.hasOwn(devices, name)) return devices[name as Device];
  throw new JitError(
    'invalid-definition',
    `Expected device to be one of ${Object.keys(devices).join(', ')}, got ${JSON.stringify(name)}.`,
  );
}
