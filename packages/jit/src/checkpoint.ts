import * as tf from '@tensorflow/tfjs-core';
import { type ActiveTrace, activeTrace } from './trace/active-trace.ts';

/**
 * Trades compute for memory: the gradient of `fn` keeps only what goes into it, and computes the rest again when it is needed (Chen et al. 2016,
 * "Training Deep Nets with Sublinear Memory Cost"; `jax.checkpoint`, `torch.utils.checkpoint`). Wrap each block of a deep model.
 *
 * Tensors that `fn` closes over have gradients too. Outside of a compiled function it changes nothing: eager backends keep their intermediate
 * results.
 *
 * @param fn a pure function of tensors to one tensor of float32
 * @returns the same function, with the same values and the same gradients
 * @example
 * const deep = (x: tf.Tensor) => blocks.reduce((h, block) => checkpoint((input: tf.Tensor) => block(input))(h), x);
 */
export function checkpoint<Args extends tf.Tensor[], Result extends tf.Tensor>(
  fn: (...args: Args) => Result,
): (...args: Args) => Result {
  return (...args) => {
    const trace = activeTrace();
    return trace ? (rematerialised(trace, () => fn(...args), args) as Result) : fn(...args);
  };
}

function rematerialised(trace: ActiveTrace, fn: () => tf.Tensor, args: tf.Tensor[]): tf.Tensor {
  const inputs = [...new Map([...args, ...readBy(trace, fn)].map((tensor) => [tensor.id, tensor])).values()].filter(
    ({ dtype }) => dtype === 'float32',
  );
  if (inputs.length === 0) return fn();
  return tf.customGrad((...all) => {
    const save = all.at(-1) as unknown as tf.GradSaveFunc;
    save(inputs);
    const gradFunc = (dy: tf.Tensor): tf.Tensor[] =>
      trace.recompute(inputs, dy, () =>
        innerGradients(fn, inputs, dy).map((gradient, i) => gradient ?? tf.zeros(inputs[i]!.shape)),
      );
    const value = fn();
    // tfjs counts the gradient of a value that is an input itself twice.
    return { value: inputs.includes(value) ? tf.clone(value) : value, gradFunc };
  })(...inputs);
}

/**
 * Tensors made before `fn` that it reads: what goes into kernels, and what goes into fused nodes and operations with a gradient of their own,
 * which may read it without a kernel. Running it leaves nodes that nobody needs, which a pass removes.
 */
function readBy(trace: ActiveTrace, fn: () => tf.Tensor): tf.Tensor[] {
  const engine = tf.engine();
  const firstOwn = tf.scalar(0).id; // Tensors are numbered in the order in which they are made.
  const [byKernels, byOthers] = [new Set<tf.Tensor>(), new Set<tf.Tensor>()];
  const note = (tensors: readonly unknown[], into: Set<tf.Tensor>) => {
    for (const tensor of tensors) if (tensor instanceof tf.Tensor && tensor.id < firstOwn) into.add(tensor);
  };
  const { runKernel, customGrad } = engine;
  const { fused } = trace;
  engine.runKernel = (name, inputs, attributes) => {
    note(Object.values(inputs).flat(), byKernels);
    return runKernel.call(engine, name, inputs, attributes) as never;
  };
  engine.customGrad = (f) => {
    const run = customGrad.call(engine, f as never);
    return (...args) => {
      note(args, byOthers);
      return run(...args) as never;
    };
  };
  trace.fused = (spec, inputs) => {
    note(inputs, byOthers);
    return fused.call(trace, spec, inputs);
  };
  try {
    tf.tidy(() => fn());
  } finally {
    engine.runKernel = runKernel;
    engine.customGrad = customGrad;
    trace.fused = fused;
  }
  return [...byKernels, ...byOthers];
}

/** Gradients within a backward pass: tfjs has one tape, which the outer pass still needs. */
function innerGradients(fn: () => tf.Tensor, xs: tf.Tensor[], dy: tf.Tensor): (tf.Tensor | undefined)[] {
  const engine = tf.engine();
  const { activeTape } = engine.state;
  try {
    return engine.gradients(fn, xs, dy, true).grads;
  } finally {
    engine.state.activeTape = activeTape;
  }
}
