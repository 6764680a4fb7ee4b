/**
 * What a run is at one moment, and the four ways to get a run going: begin, resume, branch, initialise.
 *
 * A checkpoint separates what a branch must recombine: weights, optimizer moments, step and tokens, the position in the data, and the
 * origin of the schedule. Each verb says what it takes over and what it makes new.
 *
 * | | weights | moments and their step count | step, tokens, data, schedule |
 * |---|---|---|---|
 * | `beginRun` | given | zero | new |
 * | `resumeRun` | carried | carried | carried |
 * | `branchRun` | carried | carried or zero | new |
 * | `initialiseRun` | carried, but for names in `replace` and those in `fresh` that the parent lacks | zero | new |
 */
import type { TrainState } from '@vlm/jit';
import { checkChoice } from './check-values.ts';
import { checkNewSchedule, type Schedule } from './schedule.ts';
import { TrainerError } from './trainer-error.ts';

/** Plain data; with the weights and moments beside it, nothing else of a run needs saving. */
export interface RunState {
  /** Name of the run. */
  run: string;
  /** Updates of this run that are done: the schedule's step of the next one. */
  step: number;
  /** Targets seen, with and without loss; without padding. */
  tokens: number;
  /** Targets with loss seen. */
  lossTokens: number;
  /** Batches taken from the data, those of one update counted as one. Greater than `step` by those skipped. */
  batches: number;
  /** Ordinals of batches that were left out because they gave a loss or gradient that is not finite. */
  skippedBatches: number[];
  /** State of the stream of batches; `null` at its beginning. */
  data: unknown;
  schedule: Schedule;
  /** What the bits depend on besides the settings: engine, its version, threads. A run does not go on under another. */
  numerics: string;
  /** Batches whose gradients make one update; absent: 1. */
  accumulate?: number;
  /** What is trained and how (frozen parts, learning-rate scales, decay), as plain data of the caller's; a branch may say otherwise. */
  trains?: unknown;
  /** States of generators that a loop of one's own keeps; the loop of this package draws no random number. */
  random?: unknown;
  /** Where the weights came from. */
  parent?: RunParent;
}

export interface RunParent {
  how: 'branch' | 'initialise';
  run: string;
  step: number;
  tokens: number;
  /** sha256 over the parent checkpoint. */
  checksum: string;
  moments: 'carried' | 'reset';
  /** Parameters that the parent does not have. */
  added: string[];
  /** What the parent trained, where it said so. */
  trains?: unknown;
}

/** Where a run starts: hand it to the loop. */
export interface RunStart {
  train: TrainState;
  state: RunState;
}

/** A checkpoint that was read and found whole. */
export interface Checkpoint extends RunStart {
  path: string;
  /** Set on checkpoints that are kept for ever. */
  name?: string;
  /** sha256 over state and parts. */
  checksum: string;
}

/** What every new run needs; the fields are those of {@link RunState}. */
export interface NewRun {
  run: string;
  schedule: Schedule;
  numerics: string;
  accumulate?: number;
  trains?: unknown;
  random?: unknown;
}

type Arrays = Record<string, Float32Array>;

/** A run from fresh weights. */
export function beginRun(options: NewRun & { params: Arrays }): RunStart {
  return { train: withMoments({ params: options.params, m: {}, v: {}, step: 0 }), state: newState(options) };
}

/** The same run, going on where the checkpoint stands. */
export function resumeRun(checkpoint: Checkpoint): RunStart {
  return { train: checkpoint.train, state: checkpoint.state };
}

/**
 * A new run with the weights of another: own step, tokens, data and schedule, and the parent on record.
 *
 * Carried moments keep their own step count (for Adam's bias correction), whatever the schedule's step is: corrected as if they were
 * new they would make the first updates too large.
 *
 * @param options.moments `carry` them over or `reset` them to zero: the paper does not say which it did
 * @param options.add parameters that the parent lacks (a projector), with moments of zero
 * @throws TrainerError `checkpoint-mismatch` when `add` names a parameter that the parent has
 * @example
 * const main = await store.open('branch-80');
 * const start = branchRun(main, { run: 'branch-80', numerics, moments: 'carry',
 *   schedule: { kind: 'continued', from: main.state.schedule, atStep: main.state.step, lrMin: 3e-5, totalSteps: 500 } });
 */
export function branchRun(
  checkpoint: Checkpoint,
  options: NewRun & { moments: 'carry' | 'reset'; add?: Arrays },
): RunStart {
  const { train } = checkpoint;
  checkChoice('Branch', 'moments', options.moments, ['carry', 'reset']);
  const add = options.add ?? {};
  const clash = Object.keys(add).filter((name) => name in train.params);
  if (clash.length > 0) {
    throw new TrainerError(
      'checkpoint-mismatch',
      `Branch: expected parameters to add that ${checkpoint.path} lacks, got ${clash.join(', ')}, which it has; to replace weights use initialiseRun.`,
    );
  }
  const carry = options.moments === 'carry';
  const params = { ...train.params, ...add };
  const moments = carry ? { m: train.m, v: train.v, step: train.step } : { m: {}, v: {}, step: 0 };
  const parent = parentOf(checkpoint, 'branch', carry ? 'carried' : 'reset', Object.keys(add));
  return { train: withMoments({ params, ...moments }), state: { ...newState(options), parent } };
}

/**
 * A new run that takes weights from a checkpoint and nothing else.
 *
 * @param options.params fresh weights of every parameter of the new model
 * @param options.fresh names that may stay fresh when the checkpoint lacks them; any other missing name is an error
 * @param options.replace names that stay fresh although the checkpoint has them
 * @throws TrainerError `checkpoint-mismatch` on missing names and different sizes, `bad-option` where `fresh` or `replace` name no parameter
 */
export function initialiseRun(
  checkpoint: Pick<Checkpoint, 'path' | 'train' | 'state' | 'checksum'>,
  options: NewRun & { params: Arrays; fresh?: readonly string[]; replace?: readonly string[] },
): RunStart {
  const { fresh = [], replace = [] } = options;
  const stored = checkpoint.train.params;
  const names = Object.keys(options.params);
  for (const name of fresh) checkChoice('Initialise', 'fresh', name, names);
  for (const name of replace) checkChoice('Initialise', 'replace', name, names);
  const added: string[] = [];
  const params: Arrays = {};
  for (const [name, values] of Object.entries(options.params)) {
    const old = Object.hasOwn(stored, name) && !replace.includes(name) ? stored[name] : undefined;
    if (!old && !fresh.includes(name) && !replace.includes(name)) {
      throw new TrainerError(
        'checkpoint-mismatch',
        `Initialise: expected parameter ${JSON.stringify(name)} in ${checkpoint.path}, which lacks it; name it in fresh if it should start anew.`,
      );
    }
    if (old && old.length !== values.length) {
      throw new TrainerError(
        'checkpoint-mismatch',
        `Initialise: parameter ${JSON.stringify(name)}: expected ${values.length} values, got ${old.length} in ${checkpoint.path}; ` +
          'is it of the same model? Name it in replace if it should start anew.',
      );
    }
    if (!old) added.push(name);
    params[name] = old ?? values;
  }
  const parent = parentOf(checkpoint, 'initialise', 'reset', added);
  return { train: withMoments({ params, m: {}, v: {}, step: 0 }), state: { ...newState(options), parent } };
}

function newState({ run, schedule, numerics, accumulate, trains, random }: NewRun): RunState {
  checkNewSchedule(schedule);
  if (accumulate !== undefined && (!Number.isInteger(accumulate) || accumulate < 1)) {
    throw new TrainerError(
      'bad-option',
      `Run ${run}: expected accumulate to be an integer of at least 1, got ${accumulate}.`,
    );
  }
  return {
    run,
    step: 0,
    tokens: 0,
    lossTokens: 0,
    batches: 0,
    skippedBatches: [],
    data: null,
    schedule,
    numerics,
    ...(accumulate === undefined ? {} : { accumulate }),
    ...(trains === undefined ? {} : { trains }),
    ...(random === undefined ? {} : { random }),
  };
}

function parentOf(
  { state, checksum }: Pick<Checkpoint, 'state' | 'checksum'>,
  how: RunParent['how'],
  moments: RunParent['moments'],
  added: string[],
): RunParent {
  const { run, step, tokens, trains } = state;
  const parent = { how, run, step, tokens, checksum, moments, added: added.sort() };
  return trains === undefined ? parent : { ...parent, trains };
}

/** Copies, so that no two runs share an array; parameters without moments get zeros. */
function withMoments({ params, m, v, step }: TrainState): TrainState {
  const filled = (from: Arrays): Arrays =>
    Object.fromEntries(
      Object.entries(params).map(([name, values]) => [name, from[name]?.slice() ?? new Float32Array(values.length)]),
    );
  const copied = Object.fromEntries(Object.entries(params).map(([name, values]) => [name, values.slice()]));
  return { params: copied, m: filled(m), v: filled(v), step };
}
