import type { Engine, NamedArrays, TrainState, TrainStepDefinition } from './engine.ts';
import { onnxEngine } from './onnx-engine.ts';
import { worstRelativeError } from './relative-error.ts';
import { tfjsEngine } from './tfjs-engine.ts';

export interface ParityReport {
  variant: string;
  loss: { compiled: number; reference: number; relativeError: number };
  /** Worst difference of each gradient, relative to its largest number. */
  gradients: Record<string, number>;
  /** The parameter whose gradient differs most; absent where nothing trains. */
  worst: { name: string; relativeError: number } | undefined;
}

export interface ParityOptions {
  /** Default: the first variant of the definition. */
  variant?: string;
  /** Default: `onnxEngine` in the caller's thread with one thread. */
  engine?: Engine;
  /** Default: `tfjsEngine` on the cpu backend. */
  reference?: Engine;
}

/**
 * Compares loss and every gradient of a step on two engines, from the same state and batch: what an execution provider must pass before
 * it may train. A loss that agrees proves little, since a wrong backward leaves it alone.
 * @param state parameters (and moments) to start from
 * @param batch one batch of the variant
 * @returns relative errors; up to about 1e-5 is float32 rounding in another order
 * @throws {JitError} whatever either engine throws
 * @example
 * const { worst } = await checkParity(definition, state, batch);
 */
export async function checkParity(
  definition: TrainStepDefinition,
  state: TrainState,
  batch: NamedArrays,
  options: ParityOptions = {},
): Promise<ParityReport> {
  const variant = options.variant ?? Object.keys(definition.variants)[0] ?? '';
  const run = async (engine: Engine) => {
    const step = await engine.compileTrainStep(definition);
    try {
      await step.setState(state);
      return await step.gradients(variant, batch);
    } finally {
      await step.dispose();
    }
  };
  const compiled = await run(options.engine ?? onnxEngine({ threads: 1, worker: false }));
  const reference = await run(options.reference ?? tfjsEngine({ backend: 'cpu' }));
  const gradients = Object.fromEntries(
    Object.entries(reference.gradients).map(([name, expected]) => [
      name,
      worstRelativeError(compiled.gradients[name] ?? [], expected),
    ]),
  );
  const [worst] = Object.entries(gradients).sort(([, a], [, b]) => b - a);
  return {
    variant,
    loss: {
      compiled: compiled.loss,
      reference: reference.loss,
      relativeError: worstRelativeError([compiled.loss], [reference.loss]),
    },
    gradients,
    worst: worst && { name: worst[0], relativeError: worst[1] },
  };
}
