import { describe } from 'vitest';
import { onnxEngine } from '../onnx-engine.ts';
import { engineContract } from '../testing/engine-contract.ts';
import { whyNoWebGpu } from '../testing/software-vulkan.ts';

const reason = await whyNoWebGpu();

describe.skipIf(reason)(`onnxEngine on WebGPU${reason ? ` (skipped: ${reason})` : ''}`, () => {
  engineContract(() => onnxEngine({ device: 'webgpu', threads: 1, worker: false }));
});
