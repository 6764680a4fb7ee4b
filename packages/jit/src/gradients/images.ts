import * as tf from '@tensorflow/tfjs-core';
import type { KernelGradient, KernelGradients } from './types.ts';

const kernel = (name: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attrs as never) as tf.Tensor;

/** The gradient is a kernel of its own that wants dy and the images. */
const resized = (name: string): KernelGradient => ({
  inputsToSave: ['images'],
  gradFunc: (dy, [images], attrs) => ({ images: () => kernel(name, { dy, images: images! }, attrs) }),
});

/** Adds what lies beyond the edges back to where the mirror took it, one axis after the other. */
function foldMirror(dy: tf.Tensor, axis: number, [before, after]: [number, number], edge: number): tf.Tensor {
  const length = dy.shape[axis]! - before - after;
  const part = (begin: number, size: number) => {
    const all = dy.shape.map((dimension, i) => (i === axis ? size : dimension));
    const at = dy.shape.map((_, i) => (i === axis ? begin : 0));
    return tf.slice(dy, at, all);
  };
  const placed = (x: tf.Tensor, begin: number) => {
    const rest = length - begin - x.shape[axis]!;
    return tf.pad(
      x,
      x.shape.map((_, i): [number, number] => (i === axis ? [begin, rest] : [0, 0])),
    );
  };
  let dx = part(before, length);
  if (before) dx = tf.add(dx, placed(tf.reverse(part(0, before), axis), edge));
  if (after) dx = tf.add(dx, placed(tf.reverse(part(before + length, after), axis), length - after - edge));
  return dx;
}

export const imageGradients: KernelGradients = {
  ResizeBilinear: resized('ResizeBilinearGrad'),
  ResizeNearestNeighbor: resized('ResizeNearestNeighborGrad'),
  FlipLeftRight: { gradFunc: (dy) => ({ image: () => tf.reverse(dy, 2) }) },
  MirrorPad: {
    gradFunc: (dy, _, { paddings, mode }: { paddings: [number, number][]; mode: string }) => ({
      x: () => paddings.reduce((folded, pad, axis) => foldMirror(folded, axis, pad, mode === 'reflect' ? 1 : 0), dy),
    }),
  },
  DepthToSpace: {
    gradFunc: (dy: tf.Tensor, _, { blockSize: s, dataFormat }) => ({
      x: () => {
        if (dataFormat === 'NCHW') {
          const [n, c, h, w] = dy.shape as [number, number, number, number];
          const blocks = tf.transpose(tf.reshape(dy, [n, c, h / s, s, w / s, s]), [0, 3, 5, 1, 2, 4]);
          return tf.reshape(blocks, [n, c * s * s, h / s, w / s]);
        }
        const [n, h, w, c] = dy.shape as [number, number, number, number];
        const blocks = tf.transpose(tf.reshape(dy, [n, h / s, s, w / s, s, c]), [0, 1, 3, 2, 4, 5]);
        return tf.reshape(blocks, [n, h / s, w / s, c * s * s]);
      },
    }),
  },
  SpaceToBatchND: {
    gradFunc: (dy, _, { blockShape, paddings }) => ({ x: () => tf.batchToSpaceND(dy, blockShape, paddings) }),
  },
  BatchToSpaceND: {
    gradFunc: (dy, _, { blockShape, crops }) => ({ x: () => tf.spaceToBatchND(dy, blockShape, crops) }),
  },
  LRN: {
    inputsToSave: ['x'],
    outputsToSave: [true],
    gradFunc: (dy, [x, y], attrs) => ({ x: () => kernel('LRNGrad', { x: x!, y: y!, dy }, attrs) }),
  },
  Dilation2D: {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, [x, filter], attrs) => ({
      x: () => kernel('Dilation2DBackpropInput', { x: x!, filter: filter!, dy }, attrs),
      filter: () => kernel('Dilation2DBackpropFilter', { x: x!, filter: filter!, dy }, attrs),
    }),
  },
};
