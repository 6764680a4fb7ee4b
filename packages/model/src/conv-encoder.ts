/**
 * A convolutional pyramid: patches of pixels as the first feature map, then kernels with stride 2, with residual 3×3 convolutions where
 * a stage has blocks. Every convolution is normalised and rectified; a last norm standardises the features, so that whatever reads them
 * meets numbers of one size. Legend: B pictures, S pixels along a side, C channels, P cells, F feature width.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { batchNorm, channelMoments } from './batch-norm.ts';
import { type ConvEncoderConfig, encoderShape } from './encoder-config.ts';
import { groupNorm } from './group-norm.ts';
import { need, type ParameterSpecs, parameter } from './parameters.ts';

/** Added to variances. */
export const normEpsilon = 1e-5;
/** Prefix of the norm over the features. */
export const featureNorm = 'encoder.norm';

/** One convolution of the pyramid. */
export interface ConvLayer {
  /** Prefix of its parameters; its norm is a sibling. */
  name: string;
  kernel: number;
  inputs: number;
  outputs: number;
  /** Side of the map that it writes. */
  side: number;
  /** `patches`: kernel and stride agree, nothing overlaps. `halve`: stride 2. `block`: stride 1, added to its input. */
  role: 'patches' | 'halve' | 'block';
}

/** Every convolution in order. */
export function convLayers(config: ConvEncoderConfig): ConvLayer[] {
  const { channels, patchSize, kernelSize, blocks, imageSize } = config;
  return channels.flatMap((outputs, stage) => {
    const name = `encoder.stages.${stage}`;
    const side = imageSize / (patchSize * 2 ** stage);
    const entry: ConvLayer =
      stage === 0
        ? { name, kernel: patchSize, inputs: 3, outputs, side, role: 'patches' }
        : { name, kernel: kernelSize, inputs: channels[stage - 1]!, outputs, side, role: 'halve' };
    const more = Array.from({ length: blocks[stage]! }, (_, block): ConvLayer => {
      return { name: `${name}.blocks.${block}`, kernel: 3, inputs: outputs, outputs, side, role: 'block' };
    });
    return [entry, ...more];
  });
}

export function convParams(config: ConvEncoderConfig): ParameterSpecs {
  const specs: ParameterSpecs = {};
  const affine = (name: string, width: number) => {
    specs[`${name}.weight`] = parameter([width], { kind: 'constant', value: 1 });
    specs[`${name}.bias`] = parameter([width], { kind: 'constant', value: 0 });
  };
  for (const { name, kernel, inputs, outputs } of convLayers(config)) {
    const sigma = Math.sqrt(2 / (kernel * kernel * inputs));
    specs[`${name}.conv.weight`] = parameter([kernel, kernel, inputs, outputs], { kind: 'truncated-normal', sigma });
    if (config.norm === 'none') specs[`${name}.conv.bias`] = parameter([outputs], { kind: 'constant', value: 0 });
    else affine(`${name}.norm`, outputs);
  }
  affine(featureNorm, config.channels.at(-1)!);
  return specs;
}

/** @returns [B, P, F] */
export function convFeatures(config: ConvEncoderConfig, params: NamedTensors, images_BSS3: tf.Tensor): tf.Tensor {
  return forward(config, params, images_BSS3, normalise(config, params));
}

/**
 * Statistics that the batch norms of an encoder take from a batch, for `foldEncoder`.
 * @param images_BSS3 float32 in [−1, 1]
 * @returns `NORM.mean` and `NORM.variance` by norm, float32 [C]; none where the norm is not `batch`
 * @example
 * const forward = await engine.compileForward((constants, { images_BSS3 }) => encoderMoments(config, constants, images_BSS3), options);
 */
export function encoderMoments(config: ConvEncoderConfig, params: NamedTensors, images_BSS3: tf.Tensor): NamedTensors {
  const moments: NamedTensors = {};
  if (config.norm !== 'batch') return moments;
  const norm = normalise(config, params);
  forward(config, params, images_BSS3, (x, name, relu) => {
    const { mean_C, variance_C } = channelMoments(x);
    moments[`${name}.mean`] = mean_C;
    moments[`${name}.variance`] = variance_C;
    return norm(x, name, relu);
  });
  return moments;
}

type Normalise = (x: tf.Tensor, name: string, relu: boolean) => tf.Tensor;

function normalise(config: ConvEncoderConfig, params: NamedTensors): Normalise {
  return (x, name, relu) => {
    if (config.norm === 'none' && name !== featureNorm) return relu ? tf.relu(x) : x;
    const [gain, bias] = [need(params, `${name}.weight`), need(params, `${name}.bias`)];
    if (config.norm === 'batch') return batchNorm(x, gain, bias, { epsilon: normEpsilon, relu });
    const y =
      config.norm === 'none'
        ? tf.add(tf.mul(x, gain), bias)
        : groupNorm(x, gain, bias, { groups: config.groups, epsilon: normEpsilon });
    return relu ? tf.relu(y) : y;
  };
}

function forward(config: ConvEncoderConfig, params: NamedTensors, images_BSS3: tf.Tensor, norm: Normalise): tf.Tensor {
  let x_BSSC = images_BSS3;
  for (const layer of convLayers(config)) {
    const convolved = convolve(layer, params, x_BSSC, config.norm === 'none');
    const y_BSSC = norm(convolved, `${layer.name}.norm`, true);
    x_BSSC = layer.role === 'block' ? tf.add(x_BSSC, y_BSSC) : y_BSSC;
  }
  const { cells, width } = encoderShape(config);
  return tf.reshape(norm(x_BSSC, featureNorm, false), [-1, cells, width]);
}

/**
 * A convolution as one matrix product over windows. Its gradients are matrix products too, which on a processor's cores run two to
 * three times as fast as transposed convolutions and convolutions with a whole map for a kernel.
 */
function convolve(layer: ConvLayer, params: NamedTensors, x_BSSC: tf.Tensor, hasBias: boolean): tf.Tensor {
  const { name, kernel, inputs, outputs, side, role } = layer;
  const stride = role === 'patches' ? kernel : role === 'halve' ? 2 : 1;
  const taps = kernel / stride;
  const weight = tf.reshape(need(params, `${name}.conv.weight`), [taps, stride, taps, stride, inputs, outputs]);
  const matrix = tf.reshape(tf.transpose(weight, [0, 2, 1, 3, 4, 5]), [kernel * kernel * inputs, outputs]);
  const y_NC = tf.matMul(windows(x_BSSC, kernel, stride), matrix as tf.Tensor2D);
  const y_BSSC = tf.reshape(y_NC, [-1, side, side, outputs]);
  return hasBias ? tf.add(y_BSSC, need(params, `${name}.conv.bias`)) : y_BSSC;
}

/**
 * What a kernel sees at every place, zeros around the map: squares of stride × stride, and of those the kernel / stride squared that lie
 * under it.
 * @returns [B·side·side, kernel·kernel·C], a window by row of squares, column of squares, row, column and channel
 */
function windows(x_BSSC: tf.Tensor, kernel: number, stride: number): tf.Tensor2D {
  const around = (kernel - stride) / 2;
  const pad: [number, number] = [around, around];
  const padded = around > 0 ? tf.pad(x_BSSC, [[0, 0], pad, pad, [0, 0]]) : x_BSSC;
  const [batch, length, , channels] = padded.shape as [number, number, number, number];
  const squares = length / stride;
  const width = stride * stride * channels;
  const grid = tf.reshape(padded, [batch, squares, stride, squares, stride, channels]);
  const squares_BQQW = tf.reshape(tf.transpose(grid, [0, 1, 3, 2, 4, 5]), [batch, squares, squares, width]);
  const taps = Array.from({ length: kernel / stride }, (_, i) => i);
  const side = squares - taps.length + 1;
  const seen = taps.flatMap((y) => taps.map((x) => tf.slice(squares_BQQW, [0, y, x, 0], [batch, side, side, width])));
  return tf.reshape(tf.concat(seen, 3), [batch * side * side, kernel * kernel * channels]);
}
