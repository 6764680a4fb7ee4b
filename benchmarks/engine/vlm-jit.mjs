/**
 * The contestant `@vlm/jit`: `vlm-jit.mjs PROBLEM.json THREADS (onnx | webgpu | tfjs)`. A process of its own, so that its peak memory is its own, and plain
 * JavaScript, so that nothing compiles TypeScript in it. The protocol is that of `torch_twin.py`.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { onnxEngine, tfjsEngine } from '@vlm/jit';
import { vlmBatch, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';

const [path, threads, engine] = process.argv.slice(2);
/** @type {import('./problem.ts').Problem} */
const { decoder, batch, tensors, optimizer, lr } = JSON.parse(readFileSync(path, 'utf8'));
const config = vlmConfig({ decoder });
const { tokens_BT, targets_BT } = readArrays(['tokens_BT', 'targets_BT']);
const weights_BT = new Float32Array(tokens_BT.length).fill(1);

const begin = performance.now();
const device = engine === 'webgpu' ? 'webgpu' : 'cpu';
const trainer = engine === 'tfjs' ? tfjsEngine({ backend: 'cpu' }) : onnxEngine({ threads: Number(threads), device });
const training = await trainer.compileTrainStep({
  params: vlmParams(config),
  variants: { text: vlmBatch(config, { batch, patches: 0 }) },
  loss: vlmLoss(config),
  optimizer,
});
let sinceCompileMs = performance.now() - begin;
await training.setState(start());

/** What the step starts from. An array is read when it is copied, into memory that the next one takes over: nothing is left for a later collection. */
function start() {
  const lengths = Object.entries(vlmParams(config)).map(([name, { shape }]) => [
    name,
    shape.reduce((a, b) => a * b, 1),
  ]);
  const block = new Float32Array(Math.max(...lengths.map(([, length]) => length)));
  const params = {};
  const zeros = {};
  for (const [name, length] of lengths) {
    Object.defineProperty(params, name, { enumerable: true, get: () => readArrays([name], block)[name] });
    Object.defineProperty(zeros, name, { enumerable: true, get: () => block.subarray(0, length).fill(0) });
  }
  return { params, m: zeros, v: zeros, step: 0 };
}

/**
 * Arrays of the safetensors file by name, each read straight into its memory.
 * @param block memory for one array at a time, float32; absent: each has its own
 */
function readArrays(names, block) {
  const file = openSync(tensors, 'r');
  const length = new BigUint64Array(1);
  readSync(file, length, 0, 8, 0);
  const header = Buffer.alloc(Number(length[0]));
  readSync(file, header, 0, header.length, 8);
  const entries = JSON.parse(header.toString('utf8'));
  const arrays = Object.fromEntries(
    names.map((name) => {
      const { dtype, data_offsets } = entries[name];
      const [from, to] = data_offsets;
      const length = (to - from) / 4;
      const array = block ? block.subarray(0, length) : new (dtype === 'I32' ? Int32Array : Float32Array)(length);
      readSync(file, new Uint8Array(array.buffer, array.byteOffset, to - from), 0, to - from, 8 + header.length + from);
      return [name, array];
    }),
  );
  closeSync(file);
  return arrays;
}

async function steps(count) {
  const [milliseconds, losses] = [[], []];
  for (let i = 0; i < count; i++) {
    const startMs = performance.now();
    const { loss } = await training.run('text', { tokens_BT, targets_BT, weights_BT }, { lr });
    // The first step also traces and compiles.
    milliseconds.push(performance.now() - startMs + sinceCompileMs);
    sinceCompileMs = 0;
    losses.push(loss);
  }
  return { milliseconds, losses };
}

const peakBytes = () => 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
const answer = (value) => console.log(JSON.stringify(value));

answer({ ready: process.version });
for await (const line of createInterface({ input: process.stdin })) {
  const [command, count] = line.split(' ');
  answer(command === 'memory' ? { peakBytes: peakBytes() } : await steps(Number(count)));
}
await training.dispose();
