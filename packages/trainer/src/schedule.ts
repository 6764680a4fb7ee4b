/**
 * Learning-rate schedules as plain data, and the one function that reads them.
 *
 * Steps count from 0: `learningRate(schedule, 0)` is the rate of the first update. The cosine and its warm-up follow OpenLM
 * (open_lm/scheduler.py); the continued schedule is the one with which the paper's branches start in the middle of the main run.
 */
import { TrainerError } from './trainer-error.ts';

/** Linear warm-up, then one rate for ever. */
export interface ConstantSchedule {
  kind: 'constant';
  lrPeak: number;
  warmupSteps: number;
}

/** Linear warm-up to `lrPeak`, then half a cosine down to `lrMin` at `totalSteps`. */
export interface CosineSchedule {
  kind: 'cosine';
  lrPeak: number;
  lrMin: number;
  warmupSteps: number;
  totalSteps: number;
  /** After the warm-up the rate is never below this (OpenLM's `force_min_lr`). Default 0. */
  lrFloor?: number;
}

/** Linear warm-up, a plateau at `lrPeak`, and over the last `decaySteps` a polynomial down to `lrMin`. */
export interface WarmupStableDecaySchedule {
  kind: 'warmup-stable-decay';
  lrPeak: number;
  lrMin: number;
  warmupSteps: number;
  decaySteps: number;
  totalSteps: number;
  /** Exponent of (1 − share of the decay that has passed). Default 1, a straight line. */
  decayPower?: number;
}

/**
 * A branch that goes on where another run stands: it starts, without a warm-up, at the rate which `from` has at its step `atStep`,
 * then takes its own cosine to `lrMin` over `totalSteps`, or with `decayPower` a polynomial: a cooldown from any checkpoint.
 */
export interface ContinuedSchedule {
  kind: 'continued';
  from: Schedule;
  atStep: number;
  lrMin: number;
  totalSteps: number;
  /** Exponent of (1 − share that has passed): 1 is a straight line. Absent: half a cosine. */
  decayPower?: number;
}

export type Schedule = ConstantSchedule | CosineSchedule | WarmupStableDecaySchedule | ContinuedSchedule;

/**
 * The learning rate of one update.
 *
 * Before `warmupSteps` the rate is `lrPeak · (step + 1) / warmupSteps`; after the last step of a schedule it stays at its end (OpenLM's
 * cosine would rise again).
 *
 * @param schedule plain data; see {@link Schedule}
 * @param step updates done so far, an integer ≥ 0
 * @returns the rate of update number `step` (counted from 0)
 * @throws TrainerError `bad-schedule` when the schedule or the step makes no sense
 * @example
 * const main = { kind: 'cosine', lrPeak: 3e-3, lrMin: 3e-5, warmupSteps: 100, totalSteps: 1000 } as const;
 * learningRate(main, 99); // 0.003
 * learningRate({ kind: 'continued', from: main, atStep: 800, lrMin: 3e-5, totalSteps: 200 }, 0) === learningRate(main, 800); // true
 */
export function learningRate(schedule: Schedule, step: number): number {
  checkSchedule(schedule);
  if (!Number.isInteger(step) || step < 0) {
    throw new TrainerError(
      'bad-schedule',
      `Learning rate: expected a step that is an integer of at least 0, got ${step}.`,
    );
  }
  return rateAt(schedule, step);
}

function rateAt(schedule: Schedule, step: number): number {
  if (schedule.kind === 'continued') {
    const lrStart = rateAt(schedule.from, schedule.atStep);
    const { totalSteps, lrMin, decayPower } = schedule;
    if (decayPower === undefined) return cosineDecay(step, totalSteps, lrStart, lrMin);
    return polynomialDecay(step, totalSteps, lrStart, lrMin, decayPower);
  }
  const { lrPeak, warmupSteps } = schedule;
  if (step < warmupSteps) return (lrPeak * (step + 1)) / warmupSteps;
  switch (schedule.kind) {
    case 'constant':
      return lrPeak;
    case 'cosine': {
      const { lrMin, totalSteps, lrFloor = 0 } = schedule;
      return Math.max(cosineDecay(step - warmupSteps, totalSteps - warmupSteps, lrPeak, lrMin), lrFloor);
    }
    case 'warmup-stable-decay': {
      const { lrMin, decaySteps, totalSteps, decayPower = 1 } = schedule;
      const past = step - (totalSteps - decaySteps);
      if (past < 0 || decaySteps === 0) return lrPeak;
      return polynomialDecay(past, decaySteps, lrPeak, lrMin, decayPower);
    }
  }
}

/** Half a cosine from `lrStart` at step 0 to `lrEnd` at step `steps`, and `lrEnd` ever after. */
function cosineDecay(step: number, steps: number, lrStart: number, lrEnd: number): number {
  if (step >= steps) return lrEnd;
  return lrEnd + 0.5 * (1 + Math.cos((Math.PI * step) / steps)) * (lrStart - lrEnd);
}

/** (1 − share)^power from `lrStart` at step 0 to `lrEnd` at step `steps`, and `lrEnd` ever after. */
function polynomialDecay(step: number, steps: number, lrStart: number, lrEnd: number, power: number): number {
  if (step >= steps) return lrEnd;
  return lrEnd + (1 - step / steps) ** power * (lrStart - lrEnd);
}

/**
 * Checks that a schedule is one that {@link learningRate} can read.
 *
 * @throws TrainerError `bad-schedule`, naming the field
 */
export function checkSchedule(schedule: Schedule): void {
  const kind = (schedule as Schedule | null | undefined)?.kind;
  const fields = Object.hasOwn(FIELDS, String(kind)) ? FIELDS[kind!] : undefined;
  if (fields === undefined) {
    const kinds = Object.keys(FIELDS).join(', ');
    const got = kind === undefined ? JSON.stringify(schedule) : JSON.stringify(kind);
    throw new TrainerError('bad-schedule', `Schedule: expected kind to be one of ${kinds}, got ${got}.`);
  }
  for (const [field, rule] of Object.entries(fields)) {
    const value = (schedule as unknown as Record<string, unknown>)[field];
    if (value === undefined && rule.optional) continue;
    const good =
      typeof value === 'number' && Number.isFinite(value) && value >= 0 && (!rule.integer || Number.isInteger(value));
    if (!good) {
      const expected = rule.integer ? 'an integer of at least 0' : 'a finite number of at least 0';
      throw new TrainerError(
        'bad-schedule',
        `Schedule (${schedule.kind}): expected ${field} to be ${expected}, got ${String(value)}.`,
      );
    }
  }
  if (schedule.kind === 'continued') checkSchedule(schedule.from);
  if (schedule.kind === 'warmup-stable-decay' && schedule.decaySteps > schedule.totalSteps) {
    throw new TrainerError(
      'bad-schedule',
      `Schedule (warmup-stable-decay): expected decaySteps to be at most totalSteps (${schedule.totalSteps}), got ${schedule.decaySteps}.`,
    );
  }
}

/**
 * {@link checkSchedule} for a schedule that begins: it may have no field that nothing reads. Those of checkpoints are left alone, so that
 * what was trained with a stray field can go on, and be branched from.
 *
 * @throws TrainerError `bad-schedule`
 */
export function checkNewSchedule(schedule: Schedule): void {
  checkSchedule(schedule);
  const known = ['kind', ...(schedule.kind === 'continued' ? ['from'] : []), ...Object.keys(FIELDS[schedule.kind])];
  const unknown = Object.keys(schedule).find((field) => !known.includes(field));
  if (unknown === undefined) return;
  throw new TrainerError(
    'bad-schedule',
    `Schedule (${schedule.kind}): unknown field ${JSON.stringify(unknown)}; expected ${known.join(', ')}.`,
  );
}

interface FieldRule {
  integer?: true;
  optional?: true;
}
const RATE: FieldRule = {};
const STEPS: FieldRule = { integer: true };
const FIELDS: Record<Schedule['kind'], Record<string, FieldRule>> = {
  constant: { lrPeak: RATE, warmupSteps: STEPS },
  cosine: { lrPeak: RATE, lrMin: RATE, warmupSteps: STEPS, totalSteps: STEPS, lrFloor: { optional: true } },
  'warmup-stable-decay': {
    lrPeak: RATE,
    lrMin: RATE,
    warmupSteps: STEPS,
    decaySteps: STEPS,
    totalSteps: STEPS,
    decayPower: { optional: true },
  },
  continued: { atStep: STEPS, lrMin: RATE, totalSteps: STEPS, decayPower: { optional: true } },
};
