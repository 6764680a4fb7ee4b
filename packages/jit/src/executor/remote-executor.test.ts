import { expect, test } from 'vitest';
import { mlp } from '../testing/networks.ts';
import { traceTrainStep } from '../trace/trace-train-step.ts';
import { prepareDefinition } from '../train-definition.ts';
import { RemoteExecutor } from './remote-executor.ts';

const net = mlp();
const open = () =>
  new RemoteExecutor({
    ...prepareDefinition(net.definition),
    params: net.definition.params,
    threads: 1,
    device: 'cpu',
  });

test('errors of the worker keep their code and their message', async () => {
  const executor = open();
  await expect(executor.setState({ ...net.start(), step: -1 })).rejects.toMatchObject({
    code: 'invalid-state',
    message: expect.stringContaining('got -1'),
  });
  const step = { ...traceTrainStep(net.definition, 'wide'), model: Uint8Array.of(1, 2, 3) };
  await expect(executor.addVariant('wide', net.definition.variants['wide']!, step)).rejects.toMatchObject({
    code: 'runtime',
    message: expect.stringContaining('refused the traced graph'),
  });
  await executor.dispose();
});

test('a worker that dies rejects the calls under way and every later one', async () => {
  const executor = open();
  await executor.setState(net.start());
  const ends = (
    executor as unknown as { client: { worker: { terminate(): Promise<number> } } }
  ).client.worker.terminate();
  const pending = [executor.getState(), executor.getState()];
  for (const call of pending) await expect(call).rejects.toMatchObject({ code: 'worker-died' });
  await ends;
  await expect(executor.getState()).rejects.toMatchObject({
    code: 'worker-died',
    message: expect.stringContaining('state is lost'),
  });
  await executor.dispose();
});
