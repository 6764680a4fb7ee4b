/**
 * The seam between a training step written in plain TensorFlow.js and what executes it. Two engines implement it: `onnxEngine`
 * compiles, `tfjsEngine` runs eagerly; one contract suite (`testing/engine-contract.ts`) holds for both.
 */
import type * as tf from '@tensorflow/tfjs-core';

export type DType = 'float32' | 'int32';

export interface TensorSpec {
  shape: readonly number[];
  dtype: DType;
}

export type Signature = Record<string, TensorSpec>;
export type NamedTensors = Record<string, tf.Tensor>;
export type NamedArrays = Record<string, Float32Array | Int32Array>;

/** Where a compiled graph runs. */
export type Device = 'cpu' | 'webgpu' | 'cuda';

/** What both optimizers share: clipping, decay, and which parameters they treat how. */
interface OptimizerGroups {
  /** Decoupled decay of the parameters that `decays` names: each step takes lr · weightDecay of them away. */
  weightDecay: number;
  /** Largest global gradient norm that passes unscaled; absent: never clips. */
  clipNorm?: number;
  /** Which parameters decay; absent: all of them. */
  decays?: (name: string) => boolean;
  /** Factor on the learning rate of a parameter; absent: 1 for all. */
  learningRateScale?: (name: string) => number;
}

/** AdamW (Loshchilov & Hutter 2019), as `torch.optim.AdamW`. */
export interface AdamWOptions extends OptimizerGroups {
  kind?: 'adamw';
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** Gradient descent with momentum, as `torch.optim.SGD`, but with decoupled decay. */
export interface SgdOptions extends OptimizerGroups {
  kind: 'sgd';
  /** Default 0: no momentum, and no memory for it. */
  momentum?: number;
  /** Looks ahead along the momentum (Nesterov). Default false. */
  nesterov?: boolean;
}

export type OptimizerOptions = AdamWOptions | SgdOptions;

export interface TrainStepDefinition {
  /** Everything the step may read that persists between calls, float32. */
  params: Signature;
  /** Names of params that stay as they are (a frozen encoder): they get no gradient, no moments, no decay. */
  frozen?: readonly string[];
  /** One batch signature per variant; a variant is compiled when it is first used. All variants share one state. */
  variants: Record<string, Signature>;
  /** Pure tfjs function of params and batch. */
  loss(
    params: NamedTensors,
    batch: NamedTensors,
    variant: string,
  ): { loss: tf.Scalar; metrics?: Record<string, tf.Scalar> };
  optimizer: OptimizerOptions;
  /** The group of a parameter (`encoder`, `projector`, …) for `StepResult.groupNorms`; absent: none are reported. */
  groupOf?: (name: string) => string;
}

/** One of several batches whose gradients make one update. */
export interface MicroBatch {
  variant: string;
  batch: NamedArrays;
  /** What it counts among the others: the sum of its loss weights where the loss is a mean over them. 0: it is not run. */
  weight: number;
}

export interface TrainState {
  /** Every parameter, frozen ones included. */
  params: Record<string, Float32Array>;
  /** First moments (AdamW) or momentum (SGD) of the parameters that train; empty for an SGD without momentum. */
  m: Record<string, Float32Array>;
  /** Second moments of the parameters that train; empty for SGD. */
  v: Record<string, Float32Array>;
  /** Updates made so far. */
  step: number;
}

export interface StepResult {
  loss: number;
  /** Global norm of the gradient before clipping. */
  gradNorm: number;
  /** The same of each group that trains, where the definition names groups: the root of the sum of their squares is `gradNorm`. */
  groupNorms?: Record<string, number>;
  metrics: Record<string, number>;
}

export interface TrainStep {
  /**
   * Copies the state in. `m` and `v` may leave out frozen parameters. Each array is read when it is checked and when it is copied, one at a time: properties
   * that read a file need no memory of their own. Until then, when the promise resolves, the arrays must stay as they are.
   */
  setState(state: TrainState): Promise<void>;
  /** Copies the state out. */
  getState(): Promise<TrainState>;
  /**
   * One update. The batch is copied at the call: the caller may fill its arrays anew at once. Where the gradient norm is not finite the result is
   * returned and nothing is updated: the caller decides. Calls run in the order in which they were made.
   */
  run(variant: string, batch: NamedArrays, hyper: { lr: number }): Promise<StepResult>;
  /**
   * One update from several micro-batches, of any variants: with the gradient Σ weight · gradient / Σ weight, and the loss and metrics
   * averaged in the same way. With the loss tokens as weights that is the gradient of one large batch, not a mean of means.
   * @throws {JitError} `invalid-batch` when no weight is above 0; `unsupported` on a device that keeps the state in its own memory
   */
  runAccumulated(microBatches: readonly MicroBatch[], hyper: { lr: number }): Promise<StepResult>;
  /** Loss and gradients without an update. */
  gradients(variant: string, batch: NamedArrays): Promise<{ loss: number; gradients: Record<string, Float32Array> }>;
  dispose(): Promise<void>;
}

export interface Forward {
  /** @param inputs those that are no state, copied at the call; outputs that replace state are not returned */
  run(inputs: NamedArrays): Promise<NamedArrays>;
  /** Copies the state out; empty for a function without one. */
  getState(): Promise<NamedArrays>;
  /** Copies the state in. */
  setState(state: NamedArrays): Promise<void>;
  dispose(): Promise<void>;
}

export type ForwardFunction = (constants: NamedTensors, inputs: NamedTensors) => NamedTensors;

export interface ForwardOptions {
  /** Weights: bound once. */
  constants: Record<string, { spec: TensorSpec; data: Float32Array }>;
  /** What comes with every call, and the state. */
  inputs: Signature;
  /** Inputs that the engine keeps between calls: their first value, and the name of the output that replaces them after each call. */
  state?: Record<string, { data: Float32Array | Int32Array; next: string }>;
  /** Run in a worker thread of the engine, at the price of copying inputs and outputs. Default false: in the caller's. */
  worker?: boolean;
}

export interface Engine {
  readonly name: string;
  /** @throws {JitError} when the definition does not hold together */
  compileTrainStep(definition: TrainStepDefinition): Promise<TrainStep>;
  /** `constants` (weights) are bound once; `inputs` come with every call. */
  compileForward(fn: ForwardFunction, options: ForwardOptions): Promise<Forward>;
}
