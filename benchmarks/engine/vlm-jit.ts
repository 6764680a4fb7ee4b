/**
 * The contestant `@vlm/jit`, a process of its own so that its peak memory is its own: `vlm-jit.ts PROBLEM.json THREADS (onnx | tfjs)`. The protocol is
 * that of `torch_twin.py`.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { onnxEngine, type TrainState, tfjsEngine } from '@vlm/jit';
import { readSafetensors, vlmBatch, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';
import type { Problem } from './problem.ts';

const [path, threads, engine] = process.argv.slice(2) as [string, string, 'onnx' | 'tfjs'];
const { decoder, batch, tensors: tensorsPath, optimizer, lr } = JSON.parse(readFileSync(path, 'utf8')) as Problem;
const arrays = Object.fromEntries(
  [...readSafetensors(readFileSync(tensorsPath)).tensors].map(([name, { data }]) => [name, data as Float32Array]),
);
const { tokens_BT, targets_BT } = arrays;
const weights_BT = new Float32Array(tokens_BT!.length).fill(1);
const config = vlmConfig({ decoder });

const begin = performance.now();
const trainer = engine === 'tfjs' ? tfjsEngine({ backend: 'cpu' }) : onnxEngine({ threads: Number(threads) });
const training = await trainer.compileTrainStep({
  params: vlmParams(config),
  variants: { text: vlmBatch(config, { batch, patches: 0 }) },
  loss: vlmLoss(config),
  optimizer,
});
let sinceCompileMs = performance.now() - begin;
await training.setState(start());

/** What the step starts from; the arrays are only held until they are copied. */
function start(): TrainState {
  const params: TrainState['params'] = {};
  const zeros: Record<string, Float32Array> = {};
  const ofLength = new Map<number, Float32Array>();
  for (const name of Object.keys(vlmParams(config))) {
    const weights = arrays[name]!;
    delete arrays[name];
    params[name] = weights;
    zeros[name] = ofLength.get(weights.length) ?? new Float32Array(weights.length);
    ofLength.set(weights.length, zeros[name]);
  }
  return { params, m: zeros, v: zeros, step: 0 };
}

async function steps(count: number): Promise<{ milliseconds: number[]; losses: number[] }> {
  const [milliseconds, losses]: [number[], number[]] = [[], []];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const { loss } = await training.run('text', { tokens_BT: tokens_BT!, targets_BT: targets_BT!, weights_BT }, { lr });
    // The first step also traces and compiles.
    milliseconds.push(performance.now() - start + sinceCompileMs);
    sinceCompileMs = 0;
    losses.push(loss);
  }
  return { milliseconds, losses };
}

const peakBytes = () => 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
const answer = (value: object) => console.log(JSON.stringify(value));

answer({ ready: process.version });
for await (const line of createInterface({ input: process.stdin })) {
  const [command, count] = line.split(' ');
  answer(command === 'memory' ? { peakBytes: peakBytes() } : await steps(Number(count)));
}
await training.dispose();
