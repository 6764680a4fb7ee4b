/** How rotary angles are stretched for rows longer than those of pre-training. */
import { rotaryFrequencies } from '@vlm/jit/nn';
import { checkInteger, checkKeys, checkNumber, checkOneOf } from './validate.ts';

export type RotaryScaling =
  /** Every angle divided by `factor` (position interpolation, Chen et al. 2023). */
  | { kind: 'linear'; factor: number }
  /**
   * Llama 3: slow features are divided by `factor`, fast ones stay, between them a ramp. A feature is slow when it turns fewer than
   * `lowFrequencyFactor` times within `originalLength` positions, fast when more than `highFrequencyFactor` times.
   */
  | {
      kind: 'llama3';
      factor: number;
      lowFrequencyFactor: number;
      highFrequencyFactor: number;
      originalLength: number;
    };

/** @throws ModelError INVALID_CONFIG */
export function rotaryScaling(options: RotaryScaling): RotaryScaling {
  const owner = 'decoder.rotaryScaling';
  checkOneOf(owner, 'kind', options?.kind, ['linear', 'llama3']);
  const factor = checkNumber(owner, 'factor', options.factor, 0);
  if (options.kind === 'linear') {
    checkKeys(owner, options, ['kind', 'factor']);
    return { kind: 'linear', factor };
  }
  checkKeys(owner, options, ['kind', 'factor', 'lowFrequencyFactor', 'highFrequencyFactor', 'originalLength']);
  const lowFrequencyFactor = checkNumber(owner, 'lowFrequencyFactor', options.lowFrequencyFactor, 0);
  return {
    kind: 'llama3',
    factor,
    lowFrequencyFactor,
    highFrequencyFactor: checkNumber(owner, 'highFrequencyFactor', options.highFrequencyFactor, lowFrequencyFactor),
    originalLength: checkInteger(owner, 'originalLength', options.originalLength),
  };
}

/** @returns angle per position of each of the `half` pairs of a head's features, float32 */
export function scaledFrequencies(half: number, base: number, scaling: RotaryScaling | null): Float32Array {
  const frequencies = rotaryFrequencies(half, base);
  if (!scaling) return frequencies;
  const { factor } = scaling;
  if (scaling.kind === 'linear') return frequencies.map((speed) => speed / factor);
  const { lowFrequencyFactor: low, highFrequencyFactor: high, originalLength } = scaling;
  return frequencies.map((speed) => {
    const turns = (originalLength * speed) / (2 * Math.PI);
    const fast = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return fast * speed + (1 - fast) * (speed / factor);
  });
}
