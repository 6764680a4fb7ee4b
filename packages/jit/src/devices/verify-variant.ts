import type { TrainHost } from '../compiled-train-step.ts';
import type { NamedArrays, Signature, TrainStepDefinition } from '../engine.ts';
import { JitError } from '../jit-error.ts';
import { worstRelativeError } from '../relative-error.ts';
import { traceTrainStep } from '../trace/trace-train-step.ts';
import type { DeviceTraits } from './device-traits.ts';

/** Of a gradient's largest number. Sums in another order differ by 1e-6 to 1e-4; a wrong operator by far more. */
const largestError = 1e-2;

/**
 * Compares loss and every gradient of a variant with the CPU's, from the state and the batch of its first use: a provider may be wrong
 * without an error, and a loss that falls does not show it.
 * @param openReference makes an executor on the CPU
 * @throws {JitError} `parity`, naming the gradients that differ
 */
export async function verifyVariant(
  host: TrainHost,
  openReference: () => TrainHost,
  definition: TrainStepDefinition,
  {
    variant,
    signature,
    batch,
    device,
  }: { variant: string; signature: Signature; batch: NamedArrays; device: DeviceTraits },
): Promise<void> {
  const got = await host.gradients(variant, batch);
  const reference = openReference();
  try {
    await reference.setState(await host.getState());
    await reference.addVariant(variant, signature, traceTrainStep(definition, variant));
    const expected = await reference.gradients(variant, batch);
    // What cancels to almost nothing or to zero, such as the gradient of a key's bias, is all rounding: it is measured by the largest gradient.
    const noise = Math.max(1e-30, 1e-4 * Math.max(0, ...Object.values(expected.gradients).map(largest)));
    const errors = Object.entries(expected.gradients)
      .map(([name, gradient]) => ({ name, error: worstRelativeError(got.gradients[name] ?? [], gradient, noise) }))
      .concat({ name: 'the loss', error: worstRelativeError([got.loss], [expected.loss]) })
      .filter(({ error }) => error > largestError)
      .sort((a, b) => b.error - a.error);
    // A batch that overflows on the CPU as well says nothing about the device.
    const isUsable = Number.isFinite(expected.loss) && Object.values(expected.gradients).every(allFinite);
    if (errors.length === 0 || !isUsable) return;
    const worst = errors.slice(0, 5).map(({ name, error }) => `${name} ${error.toExponential(1)}`);
    throw new JitError(
      'parity',
      `Device '${device.name}' computes other gradients than the CPU for variant ${variant}: expected relative errors up to ${largestError}, ` +
        `got ${worst.join(', ')}${errors.length > 5 ? ` and ${errors.length - 5} more` : ''}. Train with device 'cpu', and please report it.`,
    );
  } finally {
    await reference.dispose();
  }
}

const largest = (values: Float32Array): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const allFinite = (values: Float32Array): boolean => values.every(Number.isFinite);
