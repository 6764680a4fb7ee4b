import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { onnxEngine } from '../onnx-engine.ts';
import { mlp } from '../testing/networks.ts';
import { traitsOf } from './device-traits.ts';
import { missingDevice } from './missing-device.ts';

test('a name that is no device: which there are', () => {
  expect(() => onnxEngine({ device: 'tpu' as 'cpu' })).toThrow(/one of cpu, webgpu, cuda, got "tpu"/);
});

test('a device that does not open: what it needs, and what ONNX Runtime said', () => {
  const error = missingDevice(traitsOf('webgpu'), new Error('No supported adapters'));
  expect(error.code).toBe('device-missing');
  expect(error.message).toMatch(/Device 'webgpu' cannot be used here\..*No supported adapters/);
});

test('cuda names the script that brings its library, or the platform that has it', () => {
  const { message } = missingDevice(traitsOf('cuda'));
  if (process.platform === 'linux' && process.arch === 'x64') {
    const [, script] = /CUDA 12 .*`node (.+install\.js) --onnxruntime-node-install=cuda12`/.exec(message)!;
    expect(existsSync(script!)).toBe(true);
  } else expect(message).toMatch(/linux-x64 alone/);
});

describe('on a machine without its library', () => {
  const engine = onnxEngine({ device: 'cuda', threads: 1, worker: false });
  const isMissing = (error: unknown) => (error as { code?: string }).code === 'device-missing';

  test('cuda is refused before anything runs', async () => {
    const compile = engine.compileTrainStep(mlp().definition);
    const outcome = await compile.then(
      () => 'opened',
      (error) => (isMissing(error) ? 'missing' : error),
    );
    // A machine with CUDA opens it; everywhere else the error is ours and not the loader's.
    expect(['opened', 'missing']).toContain(outcome);
  });
});
