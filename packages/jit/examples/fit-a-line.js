import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { trainStep } from '@vlm/jit';

const x = tf.tensor2d([0, 0, 0, 1, 1, 0, 1, 1], [4, 2]);
const y = tf.tensor2d([1, 3, 0, 2], [4, 1]); // y = 1 − x₀ + 2·x₁
const loss = ({ w, b }, x, y) => tf.mean(tf.squaredDifference(tf.add(tf.matMul(x, w), b), y));
const optimizer = { kind: 'sgd', momentum: 0.9, weightDecay: 0, learningRate: 0.1 };

const step = trainStep(loss, { params: { w: tf.zeros([2, 1]), b: tf.zeros([1]) }, optimizer });
for (let i = 0; i < 200; i++) await step(x, y);
const { w, b } = await step.getParams();
console.log('w', await w.data(), 'b', await b.data()); // w −1, 2; b 1
await step.dispose();
