import { describe, expect, it } from 'vitest';
import { type CosineSchedule, learningRate, type Schedule } from './schedule.ts';
import { goldenCases } from './testing/golden.ts';

interface LrInput {
  schedule: string;
  base_lr: number;
  warmup_length: number;
  steps: number;
  min_lr: number;
  force_min_lr: number;
  cooldown_steps: number;
  cooldown_power: number;
  cooldown_end_lr: number;
}
interface BranchInput {
  main: LrInput;
  branch_at_step: number;
  branch_steps: number;
  branch_min_lr: number;
}
type Expected = { lr: [number, number][]; start_lr?: number };

const cosine = (input: LrInput): CosineSchedule => ({
  kind: 'cosine',
  lrPeak: input.base_lr,
  lrMin: input.min_lr,
  warmupSteps: input.warmup_length,
  totalSteps: input.steps,
  lrFloor: input.force_min_lr,
});

function scheduleOf(input: LrInput | BranchInput): Schedule {
  if ('main' in input) {
    const { main, branch_at_step, branch_min_lr, branch_steps } = input;
    return {
      kind: 'continued',
      from: cosine(main),
      atStep: branch_at_step,
      lrMin: branch_min_lr,
      totalSteps: branch_steps,
    };
  }
  if (input.schedule === 'cosine_lr') return cosine(input);
  if (input.schedule === 'const_lr')
    return { kind: 'constant', lrPeak: input.base_lr, warmupSteps: input.warmup_length };
  return {
    kind: 'warmup-stable-decay',
    lrPeak: input.base_lr,
    lrMin: input.cooldown_end_lr,
    warmupSteps: input.warmup_length,
    decaySteps: input.cooldown_steps,
    totalSteps: input.steps,
    decayPower: input.cooldown_power,
  };
}

const relativeError = (got: number, want: number): number =>
  Math.abs(got - want) / Math.max(Math.abs(want), Number.MIN_VALUE);

describe('rates of OpenLM’s scheduler', () => {
  const cases = goldenCases<LrInput | BranchInput, Expected>('openlm_lr');
  it.each(cases)('$id $kind', ({ input, expected }) => {
    const schedule = scheduleOf(input);
    expect(expected.lr.length).toBeGreaterThan(2);
    for (const [step, lr] of expected.lr)
      expect(relativeError(learningRate(schedule, step), lr)).toBeLessThanOrEqual(1e-12);
    if (expected.start_lr !== undefined) {
      expect(relativeError(learningRate(schedule, 0), expected.start_lr)).toBeLessThanOrEqual(1e-12);
    }
  });
});

describe('the curve function of the authors’ plot', () => {
  const cases = goldenCases<{ x: number; start_lr: number; end_lr: number; total_tokens: number }, { lr: number }>(
    'authors_lr_plot',
  ).filter(({ kind }) => kind === 'cosine_decay');
  it.each(cases)('$id', ({ input, expected }) => {
    // Their axis is tokens; a schedule counts whatever its totalSteps counts.
    const schedule: Schedule = {
      kind: 'cosine',
      lrPeak: input.start_lr,
      lrMin: input.end_lr,
      warmupSteps: 0,
      totalSteps: input.total_tokens,
    };
    expect(relativeError(learningRate(schedule, input.x), expected.lr)).toBeLessThanOrEqual(1e-12);
  });
});

describe('start rates of the paper’s 1B branches', () => {
  // Positions as shares of the main run: the checkpoints nearest to 20, 40, 60 and 80 %.
  it.each([
    [0.19645299, 0.009080349589287376],
    [0.40371758, 0.006499974971416897],
    [0.60187342, 0.0034466737184832607],
    [0.80034281, 0.0009788970261355868],
  ])('at %d of the main run', (position, lr) => {
    const steps = 1e8;
    const main: Schedule = { kind: 'cosine', lrPeak: 1e-2, lrMin: 3e-5, warmupSteps: 0, totalSteps: steps };
    const branch: Schedule = {
      kind: 'continued',
      from: main,
      atStep: Math.round(position * steps),
      lrMin: 3e-5,
      totalSteps: 500,
    };
    expect(relativeError(learningRate(branch, 0), lr)).toBeLessThan(2e-7);
    expect(learningRate(branch, 500)).toBe(3e-5);
  });
});
