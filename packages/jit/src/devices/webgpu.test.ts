import { describe, expect, test } from 'vitest';
import { moduleContract } from '../nn/testing/module-contract.ts';
import { onnxEngine } from '../onnx-engine.ts';
import { engineContract } from '../testing/engine-contract.ts';
import { mlp } from '../testing/networks.ts';
import { whyNoWebGpu } from '../testing/software-vulkan.ts';

const reason = await whyNoWebGpu();

describe.skipIf(reason)(`WebGPU${reason ? ` (skipped: ${reason})` : ''}`, { timeout: 120_000 }, () => {
  const open = (worker: boolean) => onnxEngine({ device: 'webgpu', threads: 1, worker, verify: false });
  describe('training steps', () => engineContract(() => open(false), { accumulates: false }));
  describe('modules', () => moduleContract(open(false), 5e-6));

  test('a step whose gradients agree with the CPU trains with the verification on', async () => {
    const net = mlp();
    const step = await onnxEngine({ device: 'webgpu', threads: 1, worker: false }).compileTrainStep(net.definition);
    await step.setState(net.start());
    const { loss } = await step.run('wide', net.batch('wide', 1), { lr: 0.1 });
    expect(loss).toBeGreaterThan(0);
    await step.dispose();
  });

  test('threads that train at once take turns and give the bits of one alone', async () => {
    const net = mlp();
    const steps = await Promise.all([true, true, false].map((worker) => open(worker).compileTrainStep(net.definition)));
    const losses = await Promise.all(
      steps.map(async (step) => {
        await step.setState(net.start());
        const all: number[] = [];
        for (let i = 0; i < 10; i++) all.push((await step.run('wide', net.batch('wide', i), { lr: 0.05 })).loss);
        return all;
      }),
    );
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[2]).toEqual(losses[0]);
    expect(losses[0]![9]).not.toBe(losses[0]![0]);
    await Promise.all(steps.map((step) => step.dispose()));
  });
});
