/** A process that trains until it is stopped: for the test of stopping. Each step takes seconds. With the argument `handler` it has a handler of its own, which ends by the same signal. */
import * as tf from '@tensorflow/tfjs-core';
import { onnxEngine } from '../onnx-engine.ts';

const N = 2048;
const step = await onnxEngine({ threads: 1, worker: true }).compileTrainStep({
  params: { w: { shape: [N, N], dtype: 'float32' } },
  variants: { batch: {} },
  loss({ w }) {
    let x = w as tf.Tensor2D;
    for (let i = 0; i < 40; i++) x = tf.tanh(tf.matMul(x, w as tf.Tensor2D));
    return { loss: tf.mean(x) as tf.Scalar };
  },
  optimizer: { kind: 'sgd', weightDecay: 0 },
});
await step.setState({ params: { w: new Float32Array(N * N).fill(0.001) }, m: {}, v: {}, step: 0 });
if (process.argv[2] === 'handler') {
  process.on('SIGINT', () => {
    process.removeAllListeners('SIGINT');
    process.kill(process.pid, 'SIGINT');
  });
}
const running = step.run('batch', {}, { lr: 0 });
setTimeout(() => process.send?.('training'), 1500);
await running;
process.send?.('finished');
