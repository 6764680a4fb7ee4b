/**
 * How the small encoders learn: from dense labels that a generator of scenes knows exactly (what each cell shows, its colour, the
 * background). Legend: B pictures, S pixels along a side, P cells, F feature width.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors, Signature, TrainStepDefinition } from '@vlm/jit';
import { crossEntropy, linear } from '@vlm/jit/nn';
import { encodeImages } from './encoder.ts';
import { type EncoderConfig, type EncoderHead, encoderShape } from './encoder-config.ts';
import { need, type ParameterSpecs, parameter } from './parameters.ts';

/** Parameters of the classifiers, `encoder_heads.NAME.weight` [classes, F]. Not needed once the encoder is frozen. */
export function encoderHeadParams(config: EncoderConfig, heads: readonly EncoderHead[]): ParameterSpecs {
  const { width } = encoderShape(config);
  const sigma = 1 / Math.sqrt(width);
  return Object.fromEntries(
    heads.map(({ name, classes }) => [
      headName(name),
      parameter([classes, width], { kind: 'truncated-normal', sigma }),
    ]),
  );
}

/** The batch that `encoderLoss` expects: `images_BSS3` and for each head its labels, `NAME_BP` or `NAME_B`. */
export function encoderBatch(config: EncoderConfig, heads: readonly EncoderHead[], batch: number): Signature {
  const { imageSize: side } = config;
  const signature: Signature = { images_BSS3: { shape: [batch, side, side, 3], dtype: 'float32' } };
  for (const head of heads) {
    const shape = head.per === 'cell' ? [batch, encoderShape(config).cells] : [batch];
    signature[labelName(head)] = { shape, dtype: 'int32' };
  }
  return signature;
}

/**
 * Weighted sum of the heads' cross-entropies. A label of −1 means unknown and carries no loss.
 *
 * @returns a function for `TrainStepDefinition.loss`; its metrics are the heads' cross-entropies by name
 * @example
 * const heads = [{ name: 'concept', classes: 61, per: 'cell', weight: 1 }, { name: 'background', classes: 8, per: 'image', weight: 0.3 }];
 * await engine.compileTrainStep({ params: { ...encoderParams(config), ...encoderHeadParams(config, heads) },
 *   variants: { train: encoderBatch(config, heads, 64) }, loss: encoderLoss(config, heads), optimizer });
 */
export function encoderLoss(config: EncoderConfig, heads: readonly EncoderHead[]): TrainStepDefinition['loss'] {
  const { width } = encoderShape(config);
  return (params, batch) => {
    const features_BPF = encodeImages(config, params, need(batch, 'images_BSS3'));
    const losses = heads.map((head) => {
      const x_NF = head.per === 'cell' ? tf.reshape(features_BPF, [-1, width]) : tf.mean(features_BPF, 1);
      const labels_N = tf.reshape(need(batch, labelName(head)), [-1]);
      const none = tf.scalar(0, 'int32');
      const weights_N = tf.cast(tf.greaterEqual(labels_N, none), 'float32');
      return crossEntropy(x_NF, need(params, headName(head.name)), tf.maximum(labels_N, none), weights_N).loss;
    });
    const weighted = losses.map((loss, i) => tf.mul(loss, heads[i]!.weight));
    return {
      loss: weighted.reduce((sum, loss) => tf.add(sum, loss)) as tf.Scalar,
      metrics: Object.fromEntries(heads.map(({ name }, i) => [name, losses[i]!])),
    };
  };
}

/**
 * What the heads say, to measure how well features can be read.
 * @returns logits by head, [B, P, classes] per cell or [B, classes] per image
 */
export function encoderPredictions(
  config: EncoderConfig,
  heads: readonly EncoderHead[],
  params: NamedTensors,
  images_BSS3: tf.Tensor,
): NamedTensors {
  const features_BPF = encodeImages(config, params, images_BSS3);
  return Object.fromEntries(
    heads.map(({ name, per }) => [
      name,
      linear(per === 'cell' ? features_BPF : tf.mean(features_BPF, 1), need(params, headName(name))),
    ]),
  );
}

function headName(name: string): string {
  return `encoder_heads.${name}.weight`;
}

function labelName({ name, per }: EncoderHead): string {
  return per === 'cell' ? `${name}_BP` : `${name}_B`;
}
