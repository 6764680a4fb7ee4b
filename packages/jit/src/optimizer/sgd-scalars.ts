import { JitError } from '../jit-error.ts';
import type { KernelMemory } from './adamw-kernel.ts';
import { checkRange } from './adamw-scalars.ts';
import type { SgdUpdate } from './sgd-kernel.ts';

/** The constants of one update, computed in float64 and rounded once to float32. */
export interface SgdScalars {
  /** 1 − lr · weightDecay */
  decay: number;
  momentum: number;
  lr: number;
  gradientScale: number;
}

const numbers = ['lr', 'momentum', 'weightDecay', 'gradientScale'] as const;

/** @throws {JitError} `invalid-definition` when a number is out of its range, `invalid-state` when gradientScale is not finite */
export function sgdScalars(options: Omit<SgdUpdate, 'params' | 'gradients' | 'm' | 'count'>): SgdScalars {
  for (const name of numbers) {
    const value = options[name];
    if (Number.isFinite(value) && value >= 0) continue;
    if (name === 'gradientScale') {
      throw new JitError(
        'invalid-state',
        `SGD: expected gradients of a finite norm, got a gradientScale of ${value}. The loss has diverged: go back to a checkpoint, ` +
          'lower the learning rate, or look at the batch.',
      );
    }
    throw new JitError('invalid-definition', `SGD: expected ${name} ≥ 0 and finite, got ${value}.`);
  }
  if (options.momentum >= 1) {
    throw new JitError('invalid-definition', `SGD: expected momentum below 1, got ${options.momentum}.`);
  }
  return {
    decay: Math.fround(1 - options.lr * options.weightDecay),
    momentum: Math.fround(options.momentum),
    lr: Math.fround(options.lr),
    gradientScale: Math.fround(options.gradientScale),
  };
}

/** @throws {JitError} `invalid-definition` unless every array that the update touches lies inside the memory */
export function checkSgdRanges(memory: KernelMemory, { params, gradients, m, count, momentum }: SgdUpdate): void {
  checkRange(memory, 'params', params, count);
  checkRange(memory, 'gradients', gradients, count);
  if (momentum > 0) checkRange(memory, 'm', m, count);
}
