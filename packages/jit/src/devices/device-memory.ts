import * as ort from 'onnxruntime-node';
import type { Device } from '../engine.ts';
import { closeSession, openSession, runSession } from '../executor/ort-session.ts';
import { withDevice } from './device-lock.ts';
import { traitsOf } from './device-traits.ts';
import { identityModel } from './identity-model.ts';
import { missingDevice } from './missing-device.ts';

/**
 * Moves arrays to a device's buffers and back. Both ways go through a graph that changes nothing: reading such a tensor directly
 * (`getData`) ends the process with ONNX Runtime 1.30.
 */
export class DeviceMemory {
  private readonly up: ort.InferenceSession;
  private readonly down: ort.InferenceSession;

  private constructor(up: ort.InferenceSession, down: ort.InferenceSession) {
    this.up = up;
    this.down = down;
  }

  /** @throws {JitError} `device-missing`, with what to do */
  static async open(device: Device): Promise<DeviceMemory> {
    const model = identityModel();
    try {
      const up = await openSession(model, { device, threads: 1, outputLocation: 'gpu-buffer' });
      return new DeviceMemory(up, await openSession(model, { device, threads: 1 }));
    } catch (cause) {
      throw missingDevice(traitsOf(device), cause);
    }
  }

  /** @returns a tensor of the device; `dispose` of it */
  async upload(data: Float32Array, shape: readonly number[]): Promise<ort.Tensor> {
    const { y } = await runSession(this.up, { x: new ort.Tensor('float32', data, shape) }, { y: null });
    return y as ort.Tensor;
  }

  async download(tensor: ort.Tensor): Promise<Float32Array> {
    const { y } = await runSession(this.down, { x: tensor }, { y: null });
    return (y as ort.Tensor).data as Float32Array;
  }

  free(tensors: readonly ort.Tensor[]): Promise<void> {
    return withDevice(() => {
      for (const tensor of tensors) tensor.dispose();
    });
  }

  async close(): Promise<void> {
    await closeSession(this.up);
    await closeSession(this.down);
  }
}
