/** From a trained encoder with batch norms to a frozen one of plain convolutions, which sees each picture by itself. */
import { convLayers, convParams, featureNorm, normEpsilon } from './conv-encoder.ts';
import type { ConvEncoderConfig } from './encoder-config.ts';
import { ModelError } from './model-error.ts';
import type { ParameterArrays } from './parameters.ts';

/**
 * Statistics over many batches of equal size: means of the means, and variances within and between the batches.
 * @param batches results of `encoderMoments`
 * @throws ModelError INVALID_CONFIG for an empty list
 */
export function pooledMoments(batches: readonly Readonly<Record<string, ArrayLike<number>>>[]): ParameterArrays {
  const [first] = batches;
  if (!first) throw new ModelError('INVALID_CONFIG', 'Pooled moments: expected at least one batch, got none.');
  const pooled: ParameterArrays = {};
  const average = (f: (batch: Readonly<Record<string, ArrayLike<number>>>) => number) =>
    batches.reduce((sum, batch) => sum + f(batch), 0) / batches.length;
  for (const name of Object.keys(first).filter((key) => key.endsWith('.mean'))) {
    const variance = name.replace(/mean$/, 'variance');
    const means = Float64Array.from(first[name]!, (_, c) => average((batch) => batch[name]![c]!));
    pooled[name] = Float32Array.from(means);
    pooled[variance] = Float32Array.from(means, (mean, c) =>
      average((batch) => batch[variance]![c]! + (batch[name]![c]! - mean) ** 2),
    );
  }
  return pooled;
}

/**
 * Puts measured statistics in place of batch norms: convolutions with a bias, and one scale and shift of the features.
 *
 * @param params of `encoderParams(config)`; others (heads) are left out
 * @param moments of `encoderMoments`, usually pooled over a few thousand training pictures
 * @returns the same encoder with `norm: 'none'`; where a picture's batch had these statistics, its features agree to rounding
 * @throws ModelError INVALID_CONFIG for an encoder without batch norms, MISSING_PARAMETER
 * @example const frozen = foldEncoder(config, state.params, pooledMoments(batches));
 */
export function foldEncoder(
  config: ConvEncoderConfig,
  params: Readonly<ParameterArrays>,
  moments: Readonly<ParameterArrays>,
): { config: ConvEncoderConfig; params: ParameterArrays } {
  if (config.norm !== 'batch') {
    throw new ModelError('INVALID_CONFIG', `Folding: expected an encoder with norm "batch", got "${config.norm}".`);
  }
  const frozen: ConvEncoderConfig = { ...config, norm: 'none' };
  const folded: ParameterArrays = {};
  for (const { name } of convLayers(config)) {
    const { scale, shift } = affine(`${name}.norm`, params, moments);
    const weight = array(params, `${name}.conv.weight`);
    folded[`${name}.conv.weight`] = weight.map((value, i) => value * scale[i % scale.length]!);
    folded[`${name}.conv.bias`] = Float32Array.from(shift);
  }
  const { scale, shift } = affine(featureNorm, params, moments);
  folded[`${featureNorm}.weight`] = Float32Array.from(scale);
  folded[`${featureNorm}.bias`] = Float32Array.from(shift);
  return {
    config: frozen,
    params: Object.fromEntries(Object.keys(convParams(frozen)).map((name) => [name, folded[name]!])),
  };
}

/** x · scale + shift = (x − mean) / √(variance + ε) · gain + bias */
function affine(
  norm: string,
  params: Readonly<ParameterArrays>,
  moments: Readonly<ParameterArrays>,
): { scale: Float64Array; shift: Float64Array } {
  const [gain, bias] = [array(params, `${norm}.weight`), array(params, `${norm}.bias`)];
  const [mean, variance] = [array(moments, `${norm}.mean`), array(moments, `${norm}.variance`)];
  const scale = Float64Array.from(gain, (value, c) => value / Math.sqrt(variance[c]! + normEpsilon));
  return { scale, shift: Float64Array.from(bias, (value, c) => value - mean[c]! * scale[c]!) };
}

function array(arrays: Readonly<ParameterArrays>, name: string): Float32Array {
  const found = arrays[name];
  if (!found) {
    throw new ModelError(
      'MISSING_PARAMETER',
      `Folding: expected "${name}", got ${Object.keys(arrays).length} arrays. Were they made for another configuration?`,
    );
  }
  return found;
}
