/**
 * tfjs's tape with gradients of our own: written for graphs (broadcasts stay broadcasts, scatters stay scatters), and with the shapes
 * of broadcast operands restored everywhere.
 *
 * `@tensorflow/tfjs-core` alone registers no gradients in Node; `@tensorflow/tfjs` registers its own. The registry is global to the
 * process, so ours are put in for the length of a call and taken out after it.
 */
import * as tf from '@tensorflow/tfjs-core';
import { elementwiseGradients } from './elementwise.ts';
import { imageGradients } from './images.ts';
import { linearGradients } from './linear.ts';
import { reductionGradients } from './reductions.ts';
import { structureGradients } from './structure.ts';
import type { KernelGradient } from './types.ts';

export const gradients: Record<string, KernelGradient> = {
  ...elementwiseGradients,
  ...reductionGradients,
  ...structureGradients,
  ...linearGradients,
  ...imageGradients,
};

const configs = Object.entries(gradients).map(([kernelName, gradient]): tf.GradConfig => ({ kernelName, ...gradient }));

/** Runs `body` with this package's gradients, whatever else is registered. */
export function withGradients<T>(body: () => T): T {
  const before = configs.map(({ kernelName }) => tf.getGradient(kernelName) as tf.GradConfig | undefined);
  for (const config of configs) tf.registerGradient(config);
  try {
    return body();
  } finally {
    for (const [i, config] of configs.entries()) {
      const previous = before[i];
      if (previous) tf.registerGradient(previous);
      else tf.unregisterGradient(config.kernelName);
    }
  }
}

/**
 * Registers this package's gradients for good, where tfjs has none: for code that calls `tf.grad` with `@tensorflow/tfjs-core` alone,
 * outside the engines (which need no such call).
 */
export function registerGradients(): void {
  for (const config of configs) if (!tf.getGradient(config.kernelName)) tf.registerGradient(config);
}
