import { ModelError } from './model-error.ts';
import { checkInteger, checkKeys, checkNumber, show } from './validate.ts';

/** How a token is drawn. In this order: temperature, then `topK`, then `topP`, as `transformers` does. */
export interface SamplingOptions {
  /** Every prompt draws from a stream of its own, named by this seed and its place among the prompts. */
  seed: string | number;
  /** Logits are divided by it: below 1 sharper, above 1 flatter. Default 1. */
  temperature?: number;
  /** Only the K most likely tokens. */
  topK?: number;
  /** Only the smallest set of most likely tokens whose probabilities reach this sum, in (0, 1]. */
  topP?: number;
}

/** @throws ModelError INVALID_CONFIG, INVALID_INPUT */
export function checkSampling(options: SamplingOptions): SamplingOptions {
  const owner = 'generate.sampling';
  checkKeys(owner, options, ['seed', 'temperature', 'topK', 'topP']);
  const { seed, temperature, topK, topP } = options;
  if (typeof seed !== 'string' && !Number.isFinite(seed)) {
    throw new ModelError('INVALID_INPUT', `${owner}.seed: expected a string or a number, got ${show(seed)}.`);
  }
  if (temperature !== undefined) checkNumber(owner, 'temperature', temperature, 0);
  if (topK !== undefined) checkInteger(owner, 'topK', topK);
  if (topP !== undefined && checkNumber(owner, 'topP', topP, 0) > 1) {
    throw new ModelError('INVALID_INPUT', `${owner}.topP: expected a number of at most 1, got ${topP}.`);
  }
  return options;
}

/**
 * Draws one token.
 * @param logits_V of the ids that may be drawn, any scale
 * @param u uniform in [0, 1): equal numbers give equal tokens
 * @returns an id below the number of logits
 */
export function sampleToken(
  logits_V: Float32Array,
  { temperature = 1, topK, topP }: Omit<SamplingOptions, 'seed'>,
  u: number,
): number {
  const largest = logits_V.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights_V = Float64Array.from(logits_V, (logit) => Math.exp((logit - largest) / temperature));
  if (topK === undefined && topP === undefined) return draw(weights_V, undefined, u);

  // The most likely first, equals by their id.
  const order = Uint32Array.from(weights_V.keys()).sort((a, b) => weights_V[b]! - weights_V[a]! || a - b);
  let kept = Math.min(topK ?? order.length, order.length);
  if (topP !== undefined) {
    let rest = topP * sum(weights_V, order.subarray(0, kept));
    let n = 0;
    while (n < kept && rest > 0) rest -= weights_V[order[n++]!]!;
    kept = Math.max(1, n);
  }
  return draw(weights_V, order.subarray(0, kept), u);
}

function sum(weights_V: Float64Array, ids: Uint32Array): number {
  return ids.reduce((total, id) => total + weights_V[id]!, 0);
}

/** The id at which the running sum of weights passes the share u of their whole. */
function draw(weights_V: Float64Array, ids: Uint32Array | undefined, u: number): number {
  const count = ids?.length ?? weights_V.length;
  const idAt = (i: number) => ids?.[i] ?? i;
  let rest = u * (ids ? sum(weights_V, ids) : weights_V.reduce((a, b) => a + b, 0));
  for (let i = 0; i < count; i++) {
    const id = idAt(i);
    rest -= weights_V[id]!;
    if (rest < 0) return id;
  }
  return idAt(count - 1); // rounding of the sum
}
