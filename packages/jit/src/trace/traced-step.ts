import type { StatePart } from '../passes/parts-of-state.ts';

/** One variant of a step as an ONNX model: parameters and batch in; loss, metrics and gradients out. */
export interface TracedStep {
  model: Uint8Array;
  metrics: string[];
  /** Parameters whose gradient the model computes. */
  gradients: string[];
  /** Parameters that train but do not touch this variant's loss: their gradient is zero. */
  untouched: string[];
  /** Inputs that are parts of parameters, and outputs that are parts of gradients (which have then no output of their own). */
  parts: Record<string, StatePart>;
  /** What each index of an array of the batch must lie below, by the array's name (`indexBounds`). */
  bounds: Record<string, number>;
  /** The model's output `sumsOfSquares` holds Σ g² of each of `gradients`: for devices whose optimizer is a graph. */
  hasSumsOfSquares: boolean;
}

/** Names of the model's inputs and outputs. */
export const names = {
  param: (name: string): string => `param:${name}`,
  batch: (name: string): string => `batch:${name}`,
  /** First output of models that run in place, see `runInPlace`. */
  inPlace: 'inPlace',
  loss: 'loss',
  sumsOfSquares: 'sumsOfSquares',
  metric: (name: string): string => `metric:${name}`,
  gradient: (name: string): string => `gradient:${name}`,
  /** The parameter that an input or output belongs to. */
  stateOf: (name: string): string => name.slice(name.indexOf(':') + 1),
  /** Whether an input or output is a parameter or a gradient. */
  isState: (name: string): boolean => /^(param|gradient):/.test(name),
};
