import type * as tf from '@tensorflow/tfjs-core';

/** What tfjs saves for the backward pass, and the backward pass itself. */
export interface KernelGradient {
  inputsToSave?: string[];
  saveAllInputs?: boolean;
  outputsToSave?: boolean[];
  // tfjs hands attributes on untyped.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  gradFunc: (dy: any, saved: tf.Tensor[], attrs: any) => Record<string, () => tf.Tensor>;
}

export type KernelGradients = Record<string, KernelGradient>;
