import { CallQueue } from './call-queue.ts';
import type { DeviceTraits } from './devices/device-traits.ts';
import { verifyVariant } from './devices/verify-variant.ts';
import type { MicroBatch, NamedArrays, StepResult, TrainState, TrainStep, TrainStepDefinition } from './engine.ts';
import type { TrainExecutor } from './executor/train-executor.ts';
import { copyMicroBatches, sharesOf } from './gradient-accumulation.ts';
import { checkArrays, checkIndices, checkObject, copyArrays } from './signature-check.ts';
import { traceTrainStep } from './trace/trace-train-step.ts';
import { learningRateOf, variantSignature } from './train-definition.ts';

/** What a step needs of its executor, here or in a worker. */
export type TrainHost = Pick<
  TrainExecutor,
  'addVariant' | 'setState' | 'getState' | 'run' | 'runAccumulated' | 'gradients' | 'dispose'
>;

/** Traces variants when they are first used, checks batches, and keeps calls in order. */
export class CompiledTrainStep implements TrainStep {
  private readonly definition: TrainStepDefinition;
  private readonly host: TrainHost;
  private readonly device: DeviceTraits;
  private readonly openReference: (() => TrainHost) | undefined;
  /** By variant what indices must lie below, see `indexBounds`. */
  private readonly compiled = new Map<string, Readonly<Record<string, number>>>();
  private readonly queue = new CallQueue('The training step');

  /** @param openReference makes an executor on the CPU that each variant's gradients are compared with at its first use */
  constructor(definition: TrainStepDefinition, host: TrainHost, device: DeviceTraits, openReference?: () => TrainHost) {
    this.definition = definition;
    this.host = host;
    this.device = device;
    this.openReference = openReference;
  }

  async setState(state: TrainState): Promise<void> {
    checkObject('State', state, 'invalid-state');
    return this.queue.add(() => this.host.setState(state));
  }

  getState(): Promise<TrainState> {
    return this.queue.add(() => this.host.getState());
  }

  async run(variant: string, batch: NamedArrays, hyper: { lr: number }): Promise<StepResult> {
    const lr = learningRateOf(hyper);
    const copied = copyArrays(`batch of variant ${variant}`, batch);
    return this.queue.add(async () => {
      await this.prepare(variant, copied);
      return this.host.run(variant, copied, lr);
    });
  }

  async runAccumulated(microBatches: readonly MicroBatch[], hyper: { lr: number }): Promise<StepResult> {
    const lr = learningRateOf(hyper);
    const shares = sharesOf(copyMicroBatches(microBatches));
    return this.queue.add(async () => {
      for (const { variant, batch } of shares) await this.prepare(variant, batch);
      const [only] = shares;
      return shares.length === 1 ? this.host.run(only!.variant, only!.batch, lr) : this.host.runAccumulated(shares, lr);
    });
  }

  async gradients(variant: string, batch: NamedArrays): ReturnType<TrainStep['gradients']> {
    const copied = copyArrays(`batch of variant ${variant}`, batch);
    return this.queue.add(async () => {
      await this.prepare(variant, copied);
      return this.host.gradients(variant, copied);
    });
  }

  dispose(): Promise<void> {
    return this.queue.close(() => this.host.dispose());
  }

  private async prepare(variant: string, batch: NamedArrays): Promise<void> {
    const signature = variantSignature(this.definition, variant);
    const where = `batch of variant ${variant}`;
    checkArrays(where, signature, batch);
    const known = this.compiled.get(variant);
    if (known) return checkIndices(where, known, batch);
    const traced = traceTrainStep(this.definition, variant, this.device);
    checkIndices(where, traced.bounds, batch);
    await this.host.addVariant(variant, signature, traced);
    if (this.openReference) {
      const use = { variant, signature, batch, device: this.device };
      await verifyVariant(this.host, this.openReference, this.definition, use);
    }
    this.compiled.set(variant, traced.bounds);
  }
}
