import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { listSupportedBackends } from 'onnxruntime-node';
import { messageOf } from '../executor/ort-session.ts';
import { JitError } from '../jit-error.ts';
import type { DeviceTraits } from './device-traits.ts';

/**
 * Throws before ONNX Runtime is asked for what this installation cannot have: its own message names a file, not a cure, and is printed.
 * @throws {JitError} `device-missing`
 */
export function checkInstalled(device: DeviceTraits): void {
  if (!listSupportedBackends().some(({ name }) => name === device.provider)) throw missingDevice(device);
  if (device.provider === 'cuda' && !existsSync(cudaLibrary())) throw missingDevice(device);
}

/** Why a device cannot be used here, and what to do about it. */
export function missingDevice({ name, provider }: DeviceTraits, cause?: unknown): JitError {
  const reason = cause === undefined ? '' : ` ONNX Runtime says: ${messageOf(cause)}`;
  return new JitError('device-missing', `Device '${name}' cannot be used here. ${advice[provider]()}${reason}`, {
    cause,
  });
}

const advice: Record<DeviceTraits['provider'], () => string> = {
  cpu: () => 'Install onnxruntime-node again.',
  webgpu: () =>
    listSupportedBackends().some(({ name }) => name === 'webgpu')
      ? 'It needs a graphics processor with a driver for Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS). On Linux, check that ' +
        '`vulkaninfo --summary` lists it; VK_DRIVER_FILES names a driver that is not found by itself.'
      : `onnxruntime-node has no WebGPU for ${platform}: it ships with it for x64 and, but for Linux, for arm64.`,
  cuda: () =>
    platform === 'linux-x64'
      ? 'It needs CUDA 12 with cuDNN 9, and a library that onnxruntime-node downloads when its install script runs, which package managers ' +
        `may block. Run \`node ${join(dirname(packageFile()), 'script', 'install.js')} --onnxruntime-node-install=cuda12\`.`
      : `onnxruntime-node has CUDA for linux-x64 alone, this is ${platform}: try device 'webgpu'.`,
};

const platform = `${process.platform}-${process.arch}`;
const packageFile = (): string => createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
const cudaLibrary = (): string =>
  join(dirname(packageFile()), 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so');
