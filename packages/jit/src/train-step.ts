import * as tf from '@tensorflow/tfjs-core';
import { loadBackend } from './backends/load-backend.ts';
import { CallQueue } from './call-queue.ts';
import { chooseEngine, type RunOptions } from './choose-engine.ts';
import type {
  NamedArrays,
  NamedTensors,
  OptimizerOptions,
  StepResult,
  TrainState,
  TrainStep,
  TrainStepDefinition,
} from './engine.ts';
import { type Explanation, explain } from './explain/explain.ts';
import type { JitInput } from './jit.ts';
import { JitError } from './jit-error.ts';
import {
  buildNest,
  flattenNest,
  insideNest,
  type Leaves,
  leavesOf,
  readLeaves,
  type Structure,
  signatureOf,
  tensorOf,
} from './nest.ts';
import type { CacheOptions } from './signature-cache.ts';
import { learningRateOf, prepareDefinition } from './train-definition.ts';

export interface TrainStepOptions<Params> extends RunOptions, Pick<CacheOptions, 'onRetrace'> {
  /** Where training starts: a nest of float32 tensors. They are copied into the engine. */
  params: Params;
  /** The optimizer, and the learning rate to start with. */
  optimizer: OptimizerOptions & { learningRate: number };
  /** Which parameters train, by path (`layers.0.kernel`); absent: all of them. */
  trainable?: (name: string) => boolean;
}

/** What a loss function returns: the loss, or the loss with further scalars to report. */
export type LossResult = tf.Scalar | { loss: tf.Scalar; metrics?: Record<string, tf.Scalar> };

/** A compiled training step. Calls run one after another, in the order in which they were made. */
export interface TrainStepFunction<Params, Batch extends unknown[]> {
  /** One update. A gradient that is not finite is reported in `gradNorm`, and updates nothing. */
  (...batch: { [K in keyof Batch]: JitInput<Batch[K]> }): Promise<StepResult>;
  /** For the next calls; set it to follow a schedule. */
  learningRate: number;
  /** A copy of the parameters as tensors of the current tfjs backend. */
  getParams(): Promise<Params>;
  /** A copy of parameters, moments and step as plain arrays by path: what a checkpoint needs. */
  getState(): Promise<TrainState>;
  /** Copies a state in. */
  setState(state: TrainState): Promise<void>;
  /** Loss and gradients without an update, by path. */
  gradients(
    ...batch: { [K in keyof Batch]: JitInput<Batch[K]> }
  ): Promise<{ loss: number; gradients: Record<string, Float32Array> }>;
  /** What one update with such a batch costs: nodes, operations, bytes. The optimizer runs outside the graph and is not counted. */
  explain(...batch: { [K in keyof Batch]: JitInput<Batch[K]> }): Explanation;
  /** Waits for the calls made so far and frees everything. Later calls are rejected with the code `disposed`. */
  dispose(): Promise<void>;
}

/**
 * Compiles a training step from its loss: gradients come from tfjs's tape, parameters and moments live in the engine, and nothing but the
 * batch goes in and nothing but a few numbers comes out.
 * @param loss a pure tfjs function of the parameters and of a batch (any nests), which returns a scalar or `{ loss, metrics }`
 * @throws {JitError} at once for options that make no sense; from calls, what `jit` throws
 * @example
 * const step = trainStep((w: tf.Tensor2D, x: tf.Tensor2D, y: tf.Tensor2D) => tf.losses.meanSquaredError(y, tf.matMul(x, w)),
 *   { params: tf.zeros([2, 1]), optimizer: { kind: 'sgd', learningRate: 0.1, weightDecay: 0 } });
 * const { loss } = await step(x, y);
 */
export function trainStep<Params, Batch extends unknown[]>(
  loss: (params: Params, ...batch: Batch) => LossResult,
  options: TrainStepOptions<Params>,
): TrainStepFunction<Params, Batch> {
  const step = new JittedTrainStep(loss as (...args: unknown[]) => LossResult, options);
  const call = (...batch: unknown[]) => step.run(batch);
  Object.defineProperty(call, 'learningRate', {
    get: () => step.learningRate,
    set: (lr: number) => {
      step.learningRate = lr;
    },
  });
  return Object.assign(call, {
    getParams: () => step.getParams(),
    getState: () => step.getState(),
    setState: (state: TrainState) => step.setState(state),
    gradients: (...batch: unknown[]) => step.gradients(batch),
    explain: (...batch: unknown[]) => step.explain(batch),
    dispose: () => step.dispose(),
  }) as unknown as TrainStepFunction<Params, Batch>;
}

/** Batch signatures that compile without `onRetrace`. */
const MAX_SIGNATURES = 16;

class JittedTrainStep {
  learningRate: number;
  private readonly onRetrace: CacheOptions['onRetrace'];
  private readonly params: Structure;
  private readonly batches = new Map<string, Structure>();
  /** It grows with every new signature of a batch: its variants are compiled when they are first used. */
  private readonly definition: TrainStepDefinition;
  private readonly lossOf: (batch: Structure, params: NamedTensors, tensors: NamedTensors) => ReturnType<typeof asLoss>;
  private readonly open: () => Promise<TrainStep>;
  private step: Promise<TrainStep> | undefined;
  private readonly queue = new CallQueue('The training step');

  constructor(loss: (...args: unknown[]) => LossResult, options: TrainStepOptions<unknown>) {
    const { params, optimizer, trainable = () => true } = options;
    const { learningRate, ...rule } = optimizer;
    const leaves: Leaves = new Map();
    this.params = flattenNest('trainStep: params', params, params instanceof tf.Tensor ? 'params' : '', leaves);
    const names = leavesOf(this.params).map(({ name }) => name);
    this.learningRate = learningRateOf({ lr: learningRate }, 'trainStep: expected optimizer.learningRate');
    this.onRetrace = options.onRetrace;
    this.lossOf = (batch, tensors, args) =>
      asLoss(loss(insideNest(this.params, tensors), ...(insideNest(batch, args) as unknown[])));
    this.definition = {
      params: signatureOf(this.params),
      frozen: names.filter((name) => !trainable(name)),
      variants: {},
      loss: (tensors, batch, variant) => this.lossOf(this.batches.get(variant)!, tensors, batch),
      optimizer: rule as OptimizerOptions,
    };
    prepareDefinition(this.definition); // What makes no sense is refused here, and not by the first call.
    const engine = chooseEngine(options);
    const start = readLeaves(leaves);
    start.catch(() => undefined); // Whoever calls first is told.
    this.open = async () => {
      const values = (await start) as Record<string, Float32Array>;
      const step = await engine.compileTrainStep(this.definition);
      const zeros = () =>
        Object.fromEntries(names.filter(trainable).map((name) => [name, new Float32Array(values[name]!.length)]));
      await step.setState({ params: values, m: zeros(), v: zeros(), step: 0 });
      return step;
    };
  }

  run(batch: unknown[]): Promise<StepResult> {
    const lr = this.learningRate;
    return this.withBatch(batch, (step, variant, arrays) => step.run(variant, arrays, { lr }));
  }

  gradients(batch: unknown[]): ReturnType<TrainStep['gradients']> {
    return this.withBatch(batch, (step, variant, arrays) => step.gradients(variant, arrays));
  }

  explain(batch: unknown[]): Explanation {
    const structure = flattenNest('A training step', batch, '', new Map());
    return explain({
      ...this.definition,
      variants: { batch: signatureOf(structure) },
      loss: (tensors, args) => this.lossOf(structure, tensors, args),
    });
  }

  getState(): Promise<TrainState> {
    return this.queue.add(async () => (await this.opened()).getState());
  }

  setState(state: TrainState): Promise<void> {
    return this.queue.add(async () => (await this.opened()).setState(state));
  }

  async getParams(): Promise<unknown> {
    const { params } = await this.getState();
    if (tf.engine().backendNames().length === 0) loadBackend('cpu');
    return buildNest(this.params, (leaf) => tensorOf(leaf, params[leaf.name]!));
  }

  dispose(): Promise<void> {
    return this.queue.close(async () => {
      const step = await this.step?.catch(() => undefined); // Where it did not open, the calls were told, and nothing is held.
      await step?.dispose();
    });
  }

  private opened(): Promise<TrainStep> {
    this.step ??= this.open();
    return this.step;
  }

  private withBatch<T>(
    batch: unknown[],
    call: (step: TrainStep, variant: string, arrays: NamedArrays) => Promise<T>,
  ): Promise<T> {
    const leaves: Leaves = new Map();
    let structure: Structure;
    try {
      structure = flattenNest('A training step', batch, '', leaves);
    } catch (error) {
      return Promise.reject(error);
    }
    const read = readLeaves(leaves); // Now, before the caller disposes of them.
    read.catch(() => undefined);
    return this.queue.add(async () => {
      const arrays = await read;
      return call(await this.opened(), this.variantOf(structure), arrays);
    });
  }

  /** @throws {JitError} `retracing` */
  private variantOf(structure: Structure): string {
    const signature = JSON.stringify(structure);
    if (this.batches.has(signature)) return signature;
    const traces = this.batches.size + 1;
    if (!this.onRetrace && traces > MAX_SIGNATURES) {
      throw new JitError(
        'retracing',
        `trainStep: batches of ${traces} different signatures came, and each compiles a graph of its own. Pad batches to a few sizes, or pass ` +
          `onRetrace to allow it. The last one: ${signature}`,
      );
    }
    this.definition.variants[signature] = signatureOf(structure);
    this.batches.set(signature, structure);
    if (traces > 1) this.onRetrace?.({ signature, traces, evicted: false });
    return signature;
  }
}

function asLoss(result: LossResult): { loss: tf.Scalar; metrics?: NamedTensors & Record<string, tf.Scalar> } {
  return result instanceof tf.Tensor ? { loss: result } : result;
}
