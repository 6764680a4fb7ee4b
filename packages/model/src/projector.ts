/**
 * Projectors from image features to the decoder's width, with the names and shapes of prismatic-vlms
 * (TRI-ML/prismatic-vlms prismatic/util/nn_utils.py; "fused" is the paper's). Legend: N patches, F feature width, D dim.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { gelu, linear } from '@vlm/jit/nn';
import { need, type ParameterSpecs, parameter } from './parameters.ts';
import { checkInteger, checkKeys, checkOneOf } from './validate.ts';

export interface ProjectorConfig {
  kind: 'linear' | 'gelu-mlp' | 'fused-gelu-mlp';
  /** Width F of one image feature. */
  featureWidth: number;
  /** Width D of the decoder. */
  dim: number;
}

/** @throws ModelError INVALID_CONFIG */
export function projectorConfig(options: ProjectorConfig): ProjectorConfig {
  checkKeys('projector', options, ['kind', 'featureWidth', 'dim']);
  return {
    kind: checkOneOf('projector', 'kind', options.kind, ['linear', 'gelu-mlp', 'fused-gelu-mlp']),
    featureWidth: checkInteger('projector', 'featureWidth', options.featureWidth),
    dim: checkInteger('projector', 'dim', options.dim),
  };
}

/** The linear layers in order: name, outputs, inputs. Between two of them stands a GELU. */
function layersOf({
  kind,
  featureWidth: f,
  dim: d,
}: ProjectorConfig): [name: string, outputs: number, inputs: number][] {
  if (kind === 'linear') return [['projector', d, f]];
  if (kind === 'gelu-mlp') {
    return [
      ['projector.0', d, f],
      ['projector.2', d, d],
    ];
  }
  return [
    ['projector.0', 4 * f, f],
    ['projector.2', d, 4 * f],
    ['projector.4', d, d],
  ];
}

/** Starts as torch's `nn.Linear`: weights and biases uniform within 1/√inputs. */
export function projectorParams(config: ProjectorConfig): ParameterSpecs {
  const specs: ParameterSpecs = {};
  for (const [name, outputs, inputs] of layersOf(config)) {
    const init = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) } as const;
    specs[`${name}.weight`] = parameter([outputs, inputs], init);
    specs[`${name}.bias`] = parameter([outputs], init);
  }
  return specs;
}

/**
 * @param features_NF float32, any leading dimensions
 * @returns float32, last dimension D
 */
export function project(config: ProjectorConfig, params: NamedTensors, features_NF: tf.Tensor): tf.Tensor {
  let x = features_NF;
  layersOf(config).forEach(([name], index) => {
    x = linear(index === 0 ? x : gelu(x), need(params, `${name}.weight`), need(params, `${name}.bias`));
  });
  return x;
}
