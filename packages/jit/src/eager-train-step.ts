import * as tf from '@tensorflow/tfjs-core';
import { Arena } from './arena.ts';
import { useBackend } from './backends/use-backend.ts';
import { CallQueue } from './call-queue.ts';
import type {
  MicroBatch,
  NamedArrays,
  NamedTensors,
  StepResult,
  TrainState,
  TrainStep,
  TrainStepDefinition,
} from './engine.ts';
import { accumulateGradients, copyMicroBatches, type PassResult, sharesOf } from './gradient-accumulation.ts';
import { type OptimizerKernels, referenceKernels } from './optimizer/index.ts';
import { updateState } from './optimizer-step.ts';
import { checkArrays, checkObject, copyArrays } from './signature-check.ts';
import { checkScalar, lossAndGradients } from './trace/trace-train-step.ts';
import { checkStep, learningRateOf, prepareDefinition, variantSignature } from './train-definition.ts';

/** A training step that runs operation by operation on a tfjs backend; its state lies in memory, the optimizer is the reference in TypeScript. */
export class EagerTrainStep implements TrainStep {
  private readonly definition: TrainStepDefinition;
  private readonly optimizer: ReturnType<typeof prepareDefinition>['optimizer'];
  private readonly backend: string;
  private readonly arena: Arena;
  private readonly kernels: OptimizerKernels;
  private readonly queue = new CallQueue('The training step');
  private step = 0;

  constructor(definition: TrainStepDefinition, backend: string) {
    const { layout, optimizer } = prepareDefinition(definition);
    const memory = { buffer: new ArrayBuffer(layout.bytes) };
    this.definition = definition;
    this.optimizer = optimizer;
    this.backend = backend;
    this.arena = new Arena(layout, memory.buffer);
    this.kernels = referenceKernels(memory);
  }

  async setState(state: TrainState): Promise<void> {
    checkObject('State', state, 'invalid-state');
    return this.queue.add(async () => {
      checkStep(state.step);
      this.arena.load(state);
      this.step = state.step;
    });
  }

  getState(): Promise<TrainState> {
    return this.queue.add(async () => ({ ...this.arena.copy(), step: this.step }));
  }

  async run(variant: string, batch: NamedArrays, hyper: { lr: number }): Promise<StepResult> {
    const lr = learningRateOf(hyper);
    const copied = copyArrays(`batch of variant ${variant}`, batch);
    return this.queue.add(async () => this.update(this.backward(variant, copied), lr));
  }

  async runAccumulated(microBatches: readonly MicroBatch[], hyper: { lr: number }): Promise<StepResult> {
    const lr = learningRateOf(hyper);
    const shares = sharesOf(copyMicroBatches(microBatches));
    return this.queue.add(async () => {
      const [only] = shares;
      if (shares.length === 1) return this.update(this.backward(only!.variant, only!.batch), lr);
      const pass = ({ variant, batch }: MicroBatch) => this.backward(variant, batch);
      return this.update(await accumulateGradients(this.arena, shares, pass), lr);
    });
  }

  async gradients(variant: string, batch: NamedArrays): ReturnType<TrainStep['gradients']> {
    const copied = copyArrays(`batch of variant ${variant}`, batch);
    return this.queue.add(async () => {
      const { loss } = this.backward(variant, copied);
      return { loss, gradients: this.arena.copyGradients() };
    });
  }

  dispose(): Promise<void> {
    return this.queue.close(async () => {});
  }

  private update({ loss, metrics }: PassResult, lr: number): StepResult {
    const { step, ...norms } = updateState(this.arena, this.kernels, this.optimizer, lr, this.step);
    this.step = step;
    return { loss, ...norms, metrics };
  }

  /** Fills the gradients of the arena. */
  private backward(variant: string, batch: NamedArrays): PassResult {
    const signature = variantSignature(this.definition, variant);
    checkArrays(`batch of variant ${variant}`, signature, batch);
    const { params: specs, loss: lossOf } = this.definition;
    return useBackend(this.backend, () => {
      const numbers = { loss: 0, metrics: {} as Record<string, number> };
      tf.tidy(() => {
        const tensors = (arrays: NamedArrays, shapes: typeof specs): NamedTensors =>
          Object.fromEntries(
            Object.entries(shapes).map(([name, { shape, dtype }]) => [
              name,
              tf.tensor(arrays[name]!, [...shape], dtype),
            ]),
          );
        const params = tensors(this.arena.params, specs);
        const inputs = tensors(batch, signature);
        const trained = Object.keys(this.arena.gradients);
        const { value, grads } = lossAndGradients(
          () => {
            const { loss, metrics = {} } = lossOf(params, inputs, variant);
            for (const [name, metric] of Object.entries(metrics)) {
              checkScalar(`metrics.${name}`, metric);
              numbers.metrics[name] = metric.dataSync()[0]!;
            }
            checkScalar('loss', loss, 'float32');
            return loss;
          },
          trained.map((name) => params[name]!),
        );
        numbers.loss = value.dataSync()[0]!;
        for (const [i, name] of trained.entries()) {
          const gradient = grads[i];
          if (gradient) this.arena.gradients[name]!.set(gradient.dataSync() as Float32Array);
          else this.arena.gradients[name]!.fill(0);
        }
      });
      return numbers;
    });
  }
}
