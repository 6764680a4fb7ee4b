/**
 * A graphics processor in software for the tests of `device: 'webgpu'`: where one is named by the environment, or Chromium has brought
 * SwiftShader, they run; elsewhere they are skipped by name. Mesa's lavapipe of version 22 is not enough for Dawn.
 */
import { existsSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { identityModel } from '../devices/identity-model.ts';

const swiftShaders = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
];

/** Why tests on WebGPU cannot run here; `undefined` where they can. Chooses a driver for this process. */
export async function whyNoWebGpu(): Promise<string | undefined> {
  if (!ort.listSupportedBackends().some(({ name }) => name === 'webgpu')) return 'onnxruntime-node has no WebGPU here';
  if (process.platform === 'linux') {
    const named = process.env['VK_DRIVER_FILES'] ?? process.env['VK_ICD_FILENAMES'] ?? swiftShaders.find(existsSync);
    if (!named) return 'no SwiftShader: install chromium, or name a Vulkan driver with VK_DRIVER_FILES';
    process.env['VK_DRIVER_FILES'] = named;
    process.env['VK_ICD_FILENAMES'] = named;
  }
  try {
    const session = await ort.InferenceSession.create(identityModel(), {
      executionProviders: ['webgpu'],
      logSeverityLevel: 4,
    });
    await session.release();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
