import * as tf from '@tensorflow/tfjs-core';
import { withGradients } from '../gradients/registry.ts';

/**
 * Runs `body`, which must be synchronous, on a tfjs backend with this package's gradients; afterwards everything global in tfjs is as it
 * was. tfjs's greetings on the console are off meanwhile: a library does not print.
 */
export function useBackend<T>(backend: string, body: () => T): T {
  const engine = tf.engine();
  const env = tf.env();
  const previous = engine.backendName as string | null | undefined;
  const production = env.getBool('PROD');
  const isOther = engine.backendName !== backend;
  env.set('PROD', true);
  try {
    if (isOther) void engine.setBackend(backend); // Every backend that is ready switches within the call.
    return withGradients(body);
  } finally {
    if (isOther && previous) void engine.setBackend(previous);
    env.set('PROD', production);
  }
}
