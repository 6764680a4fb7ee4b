import { type ArenaLayout, arenaLayout } from './arena.ts';
import type { AdamWOptions, Signature, TrainStepDefinition } from './engine.ts';
import { JitError } from './jit-error.ts';
import { checkSignature } from './signature-check.ts';

/** The optimizer's numbers, without the function: they travel to a worker. */
export type AdamWNumbers = Omit<AdamWOptions, 'decays'>;

/**
 * Checks a definition and lays out its state.
 * @throws {JitError} `invalid-definition`, `too-large`
 */
export function prepareDefinition(definition: TrainStepDefinition): { layout: ArenaLayout; optimizer: AdamWNumbers } {
  const { params, frozen = [], variants, optimizer } = definition;
  checkSignature('params', params, ['float32']);
  for (const [variant, signature] of Object.entries(variants)) checkSignature(`variants.${variant}`, signature);
  const unknown = frozen.find((name) => !(name in params));
  if (unknown !== undefined) {
    throw new JitError(
      'invalid-definition',
      `frozen: ${unknown} is no parameter; expected some of ${Object.keys(params).join(', ')}.`,
    );
  }
  const { decays, ...numbers } = optimizer;
  const limits: [name: string, value: number | undefined, high: number][] = [
    ['beta1', numbers.beta1, 1],
    ['beta2', numbers.beta2, 1],
    ['epsilon', numbers.epsilon, Infinity],
    ['weightDecay', numbers.weightDecay, Infinity],
    ['clipNorm', numbers.clipNorm ?? 0, Infinity],
  ];
  for (const [name, value, high] of limits) {
    if (typeof value !== 'number' || !(value >= 0 && value < high)) {
      throw new JitError('invalid-definition', `optimizer.${name}: expected a number in [0, ${high}), got ${value}.`);
    }
  }
  const stillFrozen = Object.keys(params).filter((name) => frozen.includes(name));
  return { layout: arenaLayout(params, stillFrozen, decays ?? (() => true)), optimizer: numbers };
}

/** @throws {JitError} `unknown-variant` */
export function variantSignature(definition: TrainStepDefinition, variant: string): Signature {
  const signature = Object.hasOwn(definition.variants, variant) ? definition.variants[variant] : undefined;
  if (signature) return signature;
  throw new JitError(
    'unknown-variant',
    `Expected a variant among ${Object.keys(definition.variants).join(', ')}, got ${variant}.`,
  );
}

/** @throws {JitError} `invalid-definition` */
export function checkLearningRate(lr: number): void {
  if (typeof lr === 'number' && Number.isFinite(lr) && lr >= 0) return;
  throw new JitError('invalid-definition', `run: expected lr to be a finite number ≥ 0, got ${lr}.`);
}

/** @throws {JitError} `invalid-state` */
export function checkStep(step: number): void {
  if (Number.isSafeInteger(step) && step >= 0) return;
  throw new JitError('invalid-state', `State: expected step to be a whole number ≥ 0, got ${step}.`);
}
