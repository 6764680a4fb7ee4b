import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { engineContract } from './testing/engine-contract.ts';
import { attentionNet } from './testing/networks.ts';
import { tfjsEngine } from './tfjs-engine.ts';

describe('tfjsEngine on the cpu backend', () => engineContract(() => tfjsEngine({ backend: 'cpu' })));

test('running leaves no tensors behind and gives back the backend that was current', async () => {
  const net = attentionNet();
  const step = await tfjsEngine({ backend: 'cpu' }).compileTrainStep(net.definition);
  await step.setState(net.start());
  const run = () => step.run('text', net.batch('text', 1), { lr: 0.01 });
  await run();
  const { numTensors, numDataBuffers } = tf.memory();
  await run();
  expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
  await step.dispose();
});
