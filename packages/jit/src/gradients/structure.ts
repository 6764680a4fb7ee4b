import * as tf from '@tensorflow/tfjs-core';
import { JitError } from '../jit-error.ts';
import type { KernelGradients } from './types.ts';
import { unbroadcast } from './unbroadcast.ts';

const zeros = (x: tf.Tensor) => tf.zeros(x.shape);

/** Adds rows of dy back to where a gather along the first axis took them. */
function scatterRows(dy: tf.Tensor, indices: tf.Tensor, shape: number[]): tf.Tensor {
  const rows = indices.size;
  const updates = tf.reshape(dy, [rows, ...shape.slice(1)]);
  return tf.scatterND(tf.reshape(indices, [rows, 1]), updates, shape);
}

export const structureGradients: KernelGradients = {
  Reshape: { inputsToSave: ['x'], gradFunc: (dy, [x]) => ({ x: () => tf.reshape(dy, x!.shape) }) },
  ExpandDims: { inputsToSave: ['input'], gradFunc: (dy, [x]) => ({ input: () => tf.reshape(dy, x!.shape) }) },
  Transpose: {
    gradFunc: (dy, _, { perm }) => ({ x: () => tf.transpose(dy, tf.backend_util.getUndoAxesPermutation(perm)) }),
  },
  BroadcastTo: { inputsToSave: ['x'], gradFunc: (dy, [x]) => ({ x: () => unbroadcast(dy, x!.shape) }) },
  Tile: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { reps }: { reps: number[] }) => ({
      x: () => {
        const split = x!.shape.flatMap((dimension, i) => [reps[i]!, dimension]);
        const repeats = x!.shape.map((_, i) => 2 * i);
        return tf.reshape(tf.sum(tf.reshape(dy, split), repeats), x!.shape);
      },
    }),
  },
  Concat: {
    saveAllInputs: true,
    gradFunc: (dy: tf.Tensor, inputs, { axis }) => {
      const along = tf.util.parseAxisParam(axis, inputs[0]!.shape)[0]!;
      const part = (i: number) => {
        const before = inputs.slice(0, i).reduce((sum, input) => sum + input.shape[along]!, 0);
        return tf.slice(
          dy,
          dy.shape.map((_, a) => (a === along ? before : 0)),
          inputs[i]!.shape,
        );
      };
      return Object.fromEntries(inputs.map((_, i) => [i, () => part(i)]));
    },
  },
  Pack: {
    saveAllInputs: true,
    gradFunc: (dy: tf.Tensor, inputs, { axis }) => {
      const along = tf.util.parseAxisParam(axis, dy.shape)[0]!;
      const part = (i: number) => {
        const begin = dy.shape.map((_, a) => (a === along ? i : 0));
        const size = dy.shape.map((dimension, a) => (a === along ? 1 : dimension));
        return tf.reshape(tf.slice(dy, begin, size), inputs[i]!.shape);
      };
      return Object.fromEntries(inputs.map((_, i) => [i, () => part(i)]));
    },
  },
  // The gradient of one part comes alone.
  Unpack: { gradFunc: (dys, _, { axis }) => ({ value: () => tf.stack([dys].flat(), axis) }) },
  SplitV: { gradFunc: (dys, _, { axis }) => ({ x: () => tf.concat([dys].flat(), axis) }) },
  Slice: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { begin, size }) => ({
      x: () => {
        const [starts, sizes] = tf.slice_util.parseSliceParams(x!, begin, size);
        const paddings = starts!.map((start, i): [number, number] => [start, x!.shape[i]! - start - sizes![i]!]);
        return tf.pad(dy, paddings);
      },
    }),
  },
  PadV2: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { paddings }: { paddings: [number, number][] }) => ({
      x: () =>
        tf.slice(
          dy,
          paddings.map(([before]) => before),
          x!.shape,
        ),
    }),
  },
  Reverse: { gradFunc: (dy, _, { dims }) => ({ x: () => tf.reverse(dy, dims) }) },
  GatherV2: {
    inputsToSave: ['x', 'indices'],
    gradFunc: (dy: tf.Tensor, [x, indices], { axis, batchDims = 0 }) => ({
      indices: () => zeros(indices!),
      x: () => {
        const shape = x!.shape;
        const along = tf.util.parseAxisParam(axis, shape)[0]!;
        if (batchDims !== 0) return batchedGatherGradient(dy, x!, indices!, along, batchDims);
        if (along === 0) return scatterRows(dy, indices!, shape);
        const depth = indices!.rank;
        const order = Array.from({ length: dy.rank }, (_, i) => i);
        const gathered = order.slice(along, along + depth);
        const first = [...gathered, ...order.filter((i) => !gathered.includes(i))];
        const others = shape.filter((_, i) => i !== along);
        const summed = scatterRows(tf.transpose(dy, first), indices!, [shape[along]!, ...others]);
        const back = shape.map((_, i) => (i === along ? 0 : i < along ? i + 1 : i));
        return tf.transpose(summed, back);
      },
    }),
  },
  GatherNd: {
    inputsToSave: ['params', 'indices'],
    gradFunc: (dy, [params, indices]) => ({
      params: () => tf.scatterND(indices!, dy, params!.shape),
      indices: () => zeros(indices!),
    }),
  },
  ScatterNd: {
    inputsToSave: ['indices'],
    gradFunc: (dy, [indices]) => ({ updates: () => tf.gatherND(dy, indices!), indices: () => zeros(indices!) }),
  },
  UnsortedSegmentSum: {
    inputsToSave: ['segmentIds'],
    gradFunc: (dy, [ids]) => ({
      x: () => {
        const rows = tf.gather(dy, tf.clipByValue(ids!, 0, dy.shape[0]! - 1) as tf.Tensor1D);
        const isKnown = tf.logicalAnd(tf.greaterEqual(ids!, 0), tf.less(ids!, dy.shape[0]!));
        const inner = Array<number>(dy.rank - 1).fill(1);
        return tf.mul(rows, tf.cast(tf.reshape(isKnown, [...ids!.shape, ...inner]), 'float32'));
      },
      segmentIds: () => zeros(ids!),
    }),
  },
  OneHot: { inputsToSave: ['indices'], gradFunc: (_, [indices]) => ({ indices: () => zeros(indices!) }) },
};

/** Batches become one long first axis, each with its own range of rows. */
function batchedGatherGradient(
  dy: tf.Tensor,
  x: tf.Tensor,
  indices: tf.Tensor,
  axis: number,
  batchDims: number,
): tf.Tensor {
  if (axis !== batchDims) {
    throw new JitError(
      'unsupported-op',
      `Gradient of gather: expected batchDims to equal axis (or be 0), got batchDims ${batchDims} and axis ${axis}.`,
    );
  }
  const batch = x.shape.slice(0, axis).reduce((product, dimension) => product * dimension, 1);
  const rows = x.shape[axis]!;
  const offsets = tf.reshape(tf.range(0, batch * rows, rows, 'int32'), [batch, 1]);
  const flat = tf.add(tf.reshape(indices, [batch, indices.size / batch]), offsets);
  return tf.reshape(scatterRows(dy, flat, [batch * rows, ...x.shape.slice(axis + 1)]), x.shape);
}
