import { type ArenaLayout, arenaLayout } from './arena.ts';
import type { Signature, TrainStepDefinition } from './engine.ts';
import { JitError } from './jit-error.ts';
import { momentsOf, type OptimizerPlan, planOptimizer } from './optimizer/optimizer-plan.ts';
import { checkSignature } from './signature-check.ts';

/**
 * Checks a definition and lays out its state.
 * @throws {JitError} `invalid-definition`, `too-large`
 */
export function prepareDefinition(definition: TrainStepDefinition): { layout: ArenaLayout; optimizer: OptimizerPlan } {
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
  const names = Object.keys(params);
  const plan = planOptimizer(
    optimizer,
    names.filter((name) => !frozen.includes(name)),
  );
  const stillFrozen = names.filter((name) => frozen.includes(name));
  const layout = arenaLayout(params, stillFrozen, plan.groups, momentsOf(plan.rule), definition.groupOf);
  return { layout, optimizer: plan };
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
export function learningRateOf(hyper: { lr: number } | undefined, where = 'run: expected lr'): number {
  const lr = hyper?.lr;
  if (typeof lr === 'number' && Number.isFinite(lr) && lr >= 0) return lr;
  throw new JitError('invalid-definition', `${where} to be a finite number ≥ 0, got ${lr}.`);
}

/** @throws {JitError} `invalid-state` */
export function checkStep(step: number): void {
  if (Number.isSafeInteger(step) && step >= 0) return;
  throw new JitError('invalid-state', `State: expected step to be a whole number ≥ 0, got ${step}.`);
}
