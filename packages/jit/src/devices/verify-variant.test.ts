import { expect, test } from 'vitest';
import { CompiledTrainStep } from '../compiled-train-step.ts';
import { TrainExecutor } from '../executor/train-executor.ts';
import { mlp, type Network } from '../testing/networks.ts';
import { prepareDefinition } from '../train-definition.ts';
import { traitsOf } from './device-traits.ts';

/** A device like the CPU, but for what it makes of a gradient. */
function stepOn(net: Network, flaw: (gradients: Record<string, Float32Array>) => void): CompiledTrainStep {
  const { definition } = net;
  const open = () =>
    new TrainExecutor({ ...prepareDefinition(definition), params: definition.params, threads: 1, device: 'cpu' });
  const host = open();
  const gradients = host.gradients.bind(host);
  host.gradients = async (...args) => {
    const result = await gradients(...args);
    flaw(result.gradients);
    return result;
  };
  return new CompiledTrainStep(definition, host, traitsOf('webgpu'), open);
}

test('a device with a wrong gradient behind a right loss is refused, naming the parameter', async () => {
  const net = mlp();
  const step = stepOn(net, ({ b1 }) => {
    b1![3]! *= 1.1;
  });
  await step.setState(net.start());
  await expect(step.run('wide', net.batch('wide', 1), { lr: 0.1 })).rejects.toMatchObject({
    code: 'parity',
    message: expect.stringMatching(
      /Device 'webgpu' computes other gradients .* variant wide: .* got b1 \d.*device 'cpu'/,
    ),
  });
  expect(await step.getState()).toEqual(net.start());
  await step.dispose();
});

test('rounding passes, and so does a batch that is not finite on the CPU either', async () => {
  const net = mlp();
  const step = stepOn(net, (gradients) => {
    for (const gradient of Object.values(gradients)) gradient.set(gradient.map((x) => x * (1 + 1e-4)));
  });
  await step.setState(net.start());
  const batch = net.batch('wide', 1);
  batch['y']![0] = Number.NaN;
  expect((await step.run('wide', batch, { lr: 0.1 })).loss).toBeNaN();
  expect((await step.run('narrow', net.batch('narrow', 1), { lr: 0.1 })).loss).toBeGreaterThan(0);
  await step.dispose();
});

test.each([
  ['not a number', Number.NaN],
  ['infinite', Number.POSITIVE_INFINITY],
  ['wrong', 1],
])('a gradient that is zero on the CPU and %s on the device is refused', async (_, value) => {
  const net = mlp();
  const step = stepOn(net, ({ w2 }) => {
    w2![5] = value; // The variant does not touch it.
  });
  await step.setState(net.start());
  await expect(step.run('narrow', net.batch('narrow', 1), { lr: 0.1 })).rejects.toMatchObject({
    code: 'parity',
    message: expect.stringContaining('got w2'),
  });
  await step.dispose();
});

test('rounding around a gradient that cancels to zero passes', async () => {
  const net = mlp();
  const step = stepOn(net, ({ w2 }) => {
    w2!.fill(1e-9);
  });
  await step.setState(net.start());
  expect((await step.run('narrow', net.batch('narrow', 1), { lr: 0.1 })).loss).toBeGreaterThan(0);
  await step.dispose();
});
