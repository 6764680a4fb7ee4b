/**
 * The optimizers as a graph, for devices that keep the training state: one update of every parameter that trains, in the order of
 * operations of the kernels in WebAssembly, with the same constants, which the host computes in float64. What differs is the device's
 * own rounding of division and square root.
 */
import type { Signature } from '../engine.ts';
import type { Graph } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { adamWScalars } from './adamw-scalars.ts';
import { momentsOf, type OptimizerPlan, type ParameterGroup } from './optimizer-plan.ts';
import { sgdScalars } from './sgd-scalars.ts';

/** Arrays of the state that an update writes, in the order of their regions. */
export type StatePart = 'params' | 'm' | 'v';

/** Names of the graph's inputs; outputs carry the name of the state that they replace, with `next:` before it. */
export const updateNames = {
  state: (part: StatePart, param: string): string => `${part}:${param}`,
  gradient: (param: string): string => `gradient:${param}`,
  next: (part: StatePart, param: string): string => `next:${part}:${param}`,
};

/** The parts of the state that an optimizer keeps for each parameter. */
export const partsOf = (plan: OptimizerPlan): StatePart[] =>
  (['params', 'm', 'v'] as const).slice(0, 1 + momentsOf(plan.rule));

/**
 * @param params shapes of the parameters
 * @returns a graph of the state, the gradients and the scalars of `updateScalars`; its outputs may be written over the state's own buffers
 */
export function updateGraph(params: Signature, plan: OptimizerPlan): Graph {
  const b = new GraphBuilder();
  const scalars = new Map<string, number>();
  const scalar = (name: string): number => {
    const known = scalars.get(name) ?? b.input(name, { shape: [], dtype: 'float32' });
    scalars.set(name, known);
    return known;
  };
  const mul = (x: number, y: number) => b.binary('Mul', x, y);
  const add = (x: number, y: number) => b.binary('Add', x, y);
  const sub = (x: number, y: number) => b.binary('Sub', x, y);

  for (const [index, group] of plan.groups.entries()) for (const param of group.params) update(param, group, index);
  return b.graph;

  function update(param: string, { weightDecay }: ParameterGroup, group: number): void {
    const info = params[param]!;
    const state = (part: StatePart) => b.input(updateNames.state(part, param), info);
    const p = state('params');
    const raw = b.input(updateNames.gradient(param), info);
    const g = plan.clipNorm === undefined ? raw : mul(raw, scalar('gradientScale'));
    const decayed = weightDecay === 0 ? p : mul(p, scalar(`decay:${group}`));
    const { rule } = plan;
    let next: [part: StatePart, old: number, value: number][];
    if (rule.kind === 'adamw') {
      const [m, v] = [state('m'), state('v')];
      const mNew = add(m, mul(sub(g, m), b.scalar(Math.fround(1 - rule.beta1), 'float32')));
      const vNew = add(
        mul(v, b.scalar(Math.fround(rule.beta2), 'float32')),
        mul(mul(g, g), b.scalar(Math.fround(1 - rule.beta2), 'float32')),
      );
      const root = b.binary('Div', b.unary('Sqrt', vNew), scalar('correction2'));
      const denominator = add(root, b.scalar(Math.fround(rule.epsilon), 'float32'));
      const direction = b.binary('Div', mNew, denominator);
      next = [
        ['params', p, sub(decayed, mul(direction, scalar(`stepSize:${group}`)))],
        ['m', m, mNew],
        ['v', v, vNew],
      ];
    } else {
      const lr = scalar(`stepSize:${group}`);
      if (rule.momentum === 0) next = [['params', p, sub(decayed, mul(g, lr))]];
      else {
        const m = state('m');
        const momentum = b.scalar(Math.fround(rule.momentum), 'float32');
        const mNew = add(mul(m, momentum), g);
        const direction = rule.nesterov ? add(g, mul(mNew, momentum)) : mNew;
        next = [
          ['params', p, sub(decayed, mul(direction, lr))],
          ['m', m, mNew],
        ];
      }
    }
    for (const [part, old, value] of next) {
      b.graph.outputs.push({ name: updateNames.next(part, param), value: apart(value, old) });
    }
  }

  /** A device must not write a buffer that the same operation reads: a value that is made from the old one directly is copied there. */
  function apart(value: number, old: number): number {
    const readsOld = b.graph.nodes.some((node) => node.outputs.includes(value) && node.inputs.includes(old));
    return readsOld ? b.unary('Identity', value) : value;
  }
}

/**
 * The numbers that change from step to step.
 * @param step updates made so far
 * @param gradientScale the coefficient of clipping
 * @throws {JitError} `invalid-definition`, `invalid-state` as the kernels do
 */
export function updateScalars(
  { rule, clipNorm, groups }: OptimizerPlan,
  lr: number,
  step: number,
  gradientScale: number,
): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [index, { weightDecay, learningRateScale }] of groups.entries()) {
    const common = { lr: lr * learningRateScale, weightDecay, gradientScale };
    if (rule.kind === 'adamw') {
      const { correction2, decay, stepSize } = adamWScalars({ ...rule, ...common, step: step + 1 });
      numbers['correction2'] = correction2;
      numbers[`stepSize:${index}`] = stepSize;
      if (weightDecay !== 0) numbers[`decay:${index}`] = decay;
    } else {
      const { decay, lr: stepSize } = sgdScalars({ ...rule, ...common });
      numbers[`stepSize:${index}`] = stepSize;
      if (weightDecay !== 0) numbers[`decay:${index}`] = decay;
    }
  }
  if (clipNorm !== undefined) numbers['gradientScale'] = Math.fround(gradientScale);
  return numbers;
}
