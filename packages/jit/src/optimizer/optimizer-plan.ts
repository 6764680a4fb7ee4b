import type { OptimizerOptions } from '../engine.ts';
import { JitError } from '../jit-error.ts';

/** How one number is updated. */
export type UpdateRule =
  | { kind: 'adamw'; beta1: number; beta2: number; epsilon: number }
  | { kind: 'sgd'; momentum: number; nesterov: boolean };

/** Parameters that are updated alike. */
export interface ParameterGroup {
  /** Names, in the order of the signature. */
  params: string[];
  weightDecay: number;
  learningRateScale: number;
}

/** An optimizer as plain data: it travels to a worker, and a device lowers it into its graph. */
export interface OptimizerPlan {
  rule: UpdateRule;
  /** Absent: gradients are never scaled. */
  clipNorm?: number;
  /** Every parameter that trains is in exactly one group. */
  groups: ParameterGroup[];
}

/**
 * Checks an optimizer's numbers and sorts the parameters that train into groups.
 * @param trained names, in the order of the signature
 * @throws {JitError} `invalid-definition`
 */
export function planOptimizer(options: OptimizerOptions, trained: readonly string[]): OptimizerPlan {
  const { weightDecay, clipNorm, decays = () => true, learningRateScale = () => 1 } = options;
  check('weightDecay', weightDecay);
  if (clipNorm !== undefined) check('clipNorm', clipNorm);
  const groups = new Map<string, ParameterGroup>();
  for (const name of trained) {
    const scale = learningRateScale(name);
    check(`learningRateScale(${JSON.stringify(name)})`, scale);
    const decay = decays(name) ? weightDecay : 0;
    const key = `${decay} ${scale}`;
    const group = groups.get(key) ?? { params: [], weightDecay: decay, learningRateScale: scale };
    group.params.push(name);
    groups.set(key, group);
  }
  // Those that decay most come first: a fixed order, in which the gradient norm is summed.
  const sorted = [...groups.values()].sort((a, b) => b.weightDecay - a.weightDecay);
  return { rule: ruleOf(options), ...(clipNorm === undefined ? {} : { clipNorm }), groups: sorted };
}

/** How many numbers an optimizer keeps beside each parameter: regions m and v of the state. */
export function momentsOf(rule: UpdateRule): 0 | 1 | 2 {
  if (rule.kind === 'adamw') return 2;
  return rule.momentum > 0 ? 1 : 0;
}

function ruleOf(options: OptimizerOptions): UpdateRule {
  if (options.kind === 'sgd') {
    const { momentum = 0, nesterov = false } = options;
    check('momentum', momentum, 1);
    if (nesterov && momentum === 0) {
      throw new JitError(
        'invalid-definition',
        'optimizer.nesterov: expected a momentum above 0 to look ahead along, got 0.',
      );
    }
    return { kind: 'sgd', momentum, nesterov };
  }
  const { kind = 'adamw', beta1, beta2, epsilon } = options;
  if (kind !== 'adamw') {
    throw new JitError('invalid-definition', `optimizer.kind: expected 'adamw' or 'sgd', got ${JSON.stringify(kind)}.`);
  }
  check('beta1', beta1, 1);
  check('beta2', beta2, 1);
  check('epsilon', epsilon);
  return { kind, beta1, beta2, epsilon };
}

function check(name: string, value: number, high = Infinity): void {
  if (typeof value === 'number' && value >= 0 && value < high) return;
  throw new JitError('invalid-definition', `optimizer.${name}: expected a number in [0, ${high}), got ${value}.`);
}
