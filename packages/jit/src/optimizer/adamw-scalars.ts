import { JitError } from '../jit-error.ts';
import type { AdamWUpdate, KernelMemory } from './adamw-kernel.ts';

/** The constants of one update, computed in float64 and rounded once to float32, as PyTorch does. */
export interface AdamWScalars {
  /** 1 − lr · weightDecay */
  decay: number;
  /** 1 − β₁ */
  oneMinusBeta1: number;
  beta2: number;
  /** 1 − β₂ */
  oneMinusBeta2: number;
  /** √(1 − β₂ᵗ) */
  correction2: number;
  epsilon: number;
  /** lr / (1 − β₁ᵗ) */
  stepSize: number;
  gradientScale: number;
}

const hyperparameters = ['lr', 'beta1', 'beta2', 'epsilon', 'weightDecay', 'step', 'gradientScale'] as const;

/** @throws {JitError} `invalid-definition` when a number is out of its range, `invalid-state` when gradientScale is not finite */
export function adamWScalars(
  options: Pick<AdamWUpdate, 'lr' | 'beta1' | 'beta2' | 'epsilon' | 'weightDecay' | 'step' | 'gradientScale'>,
): AdamWScalars {
  const { lr, beta1, beta2, epsilon, weightDecay, step, gradientScale } = options;
  for (const name of hyperparameters) {
    const value = options[name];
    if (!Number.isFinite(value) || value < 0) {
      if (name === 'gradientScale') {
        throw new JitError(
          'invalid-state',
          `AdamW: expected gradients of a finite norm, got a gradientScale of ${value}. The loss has diverged: go back to a ` +
            'checkpoint, lower the learning rate, or look at the batch.',
        );
      }
      throw new JitError('invalid-definition', `AdamW: expected ${name} ≥ 0 and finite, got ${value}.`);
    }
  }
  if (beta1 >= 1 || beta2 >= 1) {
    throw new JitError('invalid-definition', `AdamW: expected beta1 and beta2 below 1, got ${beta1} and ${beta2}.`);
  }
  if (!Number.isInteger(step) || step < 1) {
    throw new JitError('invalid-definition', `AdamW: expected step to be an integer counted from 1, got ${step}.`);
  }
  return {
    decay: Math.fround(1 - lr * weightDecay),
    oneMinusBeta1: Math.fround(1 - beta1),
    beta2: Math.fround(beta2),
    oneMinusBeta2: Math.fround(1 - beta2),
    correction2: Math.fround(Math.sqrt(1 - beta2 ** step)),
    epsilon: Math.fround(epsilon),
    stepSize: Math.fround(lr / (1 - beta1 ** step)),
    gradientScale: Math.fround(gradientScale),
  };
}

/** @throws {JitError} `invalid-definition` unless `count` float32 numbers at byte offset `pointer` lie inside the memory */
export function checkRange(memory: KernelMemory, name: string, pointer: number, count: number): void {
  const bytes = memory.buffer.byteLength;
  const whole = Number.isSafeInteger(pointer) && Number.isSafeInteger(count) && pointer >= 0 && count >= 0;
  if (!whole || pointer % 4 !== 0 || pointer + 4 * count > bytes) {
    throw new JitError(
      'invalid-definition',
      `AdamW: expected ${name} to be ${count} float32 numbers at a byte offset that is a multiple of 4 inside a memory of ` +
        `${bytes} bytes, got offset ${pointer}. Grow the memory before laying out the state.`,
    );
  }
}
