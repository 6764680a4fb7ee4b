/**
 * The training loop. It ends after exactly the planned number of updates; killed at any moment and started again with the same options,
 * it ends with the same bits as if it had never been touched: a checkpoint holds the state of everything at one boundary between steps.
 */
import type { StepResult, TrainState, TrainStep } from '@vlm/jit';
import { checkOptions, checkSameRun } from './check-run.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import { Lookahead } from './lookahead.ts';
import { type LossSpikeRule, lossSpikes } from './loss-spikes.ts';
import type { MetricsLog, MetricsRow, OpenMetricsLog } from './metrics-log.ts';
import type { StepBatch, StepBatches } from './packing.ts';
import { type NewRun, type RunStart, type RunState, resumeRun } from './run-state.ts';
import { learningRate } from './schedule.ts';
import { TrainerError } from './trainer-error.ts';

export interface TrainOptions {
  /** The compiled step; the caller disposes of it. */
  step: TrainStep;
  /**
   * Name, schedule and numerics of the run, how many batches make an update (`accumulate`: weighted by their loss tokens, so that k small
   * batches are one large one), and what it trains. A checkpoint with others is refused: that would be a branch, not a resumption.
   */
  run: NewRun;
  /** Where the run starts when the store holds no checkpoint of it: `beginRun`, `branchRun`, `initialiseRun`, `resumeRun`. */
  start: (run: NewRun) => RunStart | Promise<RunStart>;
  /** Opens the stream of batches at its beginning, or where a state says. */
  batches(state?: unknown): StepBatches | Promise<StepBatches>;
  /** Updates after which the run ends, counted from its step 0. */
  steps: number;
  /** Without a store nothing is saved, and a run that is interrupted starts again. */
  store?: CheckpointStore;
  /** Besides the end and an abort, which always save. */
  checkpointEvery?: { steps?: number; seconds?: number };
  /** Checkpoints to keep for ever, name (letters, digits, `.`, `_`, `-`) → step; step 0 is the start. */
  namedCheckpoints?: Record<string, number>;
  /** Where the metrics go: `jsonLog`, `tensorboardLog`, `wandbLog`, or one's own. */
  logs?: readonly OpenMetricsLog[];
  onStep?: (row: MetricsRow) => void;
  onEvent?: (event: TrainEvent) => void;
  /** What counts as a `loss-spike` event; nothing but the event comes of it. */
  lossSpike?: LossSpikeRule;
  /**
   * When a loss or gradient is not finite: `stop` with an error (default), or leave that batch out, at most `skip` times in a run. Where
   * only the loss is not finite the weights are spoilt, and the run goes back to its last checkpoint and comes again without the batch.
   */
  notFinite?: 'stop' | { skip: number };
  /** So many updates in a row without a single target that carries loss, in any of their batches, are an error. Default 8. */
  maxBatchesWithoutLoss?: number;
  /** Stops after the step that is running, with a checkpoint. */
  signal?: AbortSignal;
  /** Milliseconds, for speeds and `checkpointEvery.seconds`; no number of the model depends on it. Default `performance.now`. */
  now?: () => number;
}

export type TrainEvent =
  | { kind: 'resumed'; step: number; path: string }
  | { kind: 'checkpoint'; step: number; name?: string }
  | { kind: 'broken-checkpoint'; problem: TrainerError }
  | { kind: 'loss-spike'; step: number; loss: number; typical: number }
  | { kind: 'skipped-batch'; batch: number; step: number; backToStep: number };

export interface TrainResult {
  status: 'finished' | 'aborted';
  state: RunState;
  train: TrainState;
}

/**
 * Trains until `steps` updates are done.
 *
 * @returns the final weights, moments and state
 * @throws TrainerError `data-exhausted`, `no-loss-tokens`, `not-finite`, `settings-changed`, and those of the store and the packer
 * @example
 * const { train: final } = await train({
 *   step, run: { run: 'main', schedule, numerics: engine.name }, start: (run) => beginRun({ ...run, params }),
 *   batches: (state) => createBatches({ ...packing, state }), steps: 1000, store, checkpointEvery: { seconds: 60 },
 * });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const steps = trainSteps(options);
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return value;
  }
}

/**
 * {@link train} as an iterator of its steps, for a loop of one's own around them. Leaving the loop early (`break`, an error thrown in
 * it) saves a checkpoint, as an abort does.
 *
 * @returns rows of metrics, one a step; at the end the final weights, moments and state
 * @throws TrainerError as `train`
 * @example
 * for await (const { step, loss } of trainSteps(options)) {
 *   if (step % 100 === 0) console.log(step, loss);
 *   if (loss < 2) break;
 * }
 */
export async function* trainSteps(options: TrainOptions): AsyncGenerator<MetricsRow, TrainResult, void> {
  checkOptions(options);
  const unlock = await options.store?.lock();
  try {
    return yield* lockedSteps(options);
  } finally {
    await unlock?.();
  }
}

async function* lockedSteps(options: TrainOptions): AsyncGenerator<MetricsRow, TrainResult, void> {
  const loop = await openLoop(options);
  try {
    return yield* loop.run();
  } finally {
    await loop.close();
  }
}

/** Apart from the generator, whose variables live as long as it: the start is a whole second copy of weights and moments. */
async function openLoop(options: TrainOptions): Promise<Loop> {
  const { store, onEvent, run } = options;
  const checkpoint = await store?.latest((problem) => onEvent?.({ kind: 'broken-checkpoint', problem }));
  const start = checkpoint ? resumeRun(checkpoint) : await options.start(run);
  checkSameRun(start.state, options, checkpoint?.path ?? 'the given start');
  if (checkpoint) onEvent?.({ kind: 'resumed', step: start.state.step, path: checkpoint.path });
  return new Loop(options, start, checkpoint !== undefined);
}

interface Advanced {
  row: Omit<MetricsRow, 'tokensPerSecond' | 'waitShare'>;
  tokens: number;
  waitMs: number;
}

class Loop {
  private readonly options: TrainOptions;
  private readonly now: () => number;
  private readonly logs: MetricsLog[] = [];
  private readonly spike: (loss: number) => number | undefined;
  private state: RunState;
  /** Where to go back to when a batch must be left out; let go of where none may be (`notFinite: 'stop'`). */
  private start: RunStart | undefined;
  /** Step of the last checkpoint, −1 before the first. */
  private savedStep: number;
  private savedAt: number;
  private data: Lookahead | undefined;
  private updatesWithoutLoss = 0;

  constructor(options: TrainOptions, start: RunStart, isSaved: boolean) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
    this.state = start.state;
    this.start = start;
    this.savedStep = isSaved ? start.state.step : -1;
    this.savedAt = this.now();
    this.spike = lossSpikes(options.lossSpike);
  }

  async *run(): AsyncGenerator<MetricsRow, TrainResult, void> {
    const { options } = this;
    for (const open of options.logs ?? []) this.logs.push(open(this.state.step));
    await this.goTo(this.start!);
    if (!this.goesBack) this.start = undefined;
    await this.saveNames({ onlyIfMissing: true });
    let before = this.now();
    while (this.state.step < options.steps) {
      if (options.signal?.aborted) return this.finish('aborted');
      const advanced = await this.advance();
      if (!advanced) continue;
      const { row, tokens, waitMs } = advanced;
      const ms = this.now() - before;
      before += ms;
      const tokensPerSecond = ms > 0 ? (tokens * 1000) / ms : 0;
      const waitShare = ms > 0 ? Math.min(1, waitMs / ms) : 0;
      const full: MetricsRow = { ...row, tokensPerSecond, waitShare };
      for (const log of this.logs) log.write(full);
      this.reportSpike(full);
      options.onStep?.(full);
      await this.saveIfDue();
      let isLeft = true;
      try {
        yield full;
        isLeft = false;
      } finally {
        if (isLeft) await this.finish('aborted');
      }
    }
    if (this.state.lossTokens === 0 && options.steps > 0) throw this.noLoss(this.state.batches);
    return this.finish('finished');
  }

  private get goesBack(): boolean {
    return (this.options.notFinite ?? 'stop') !== 'stop';
  }

  async close(): Promise<void> {
    for (const log of this.logs) log.close();
    await this.data?.close();
  }

  /** One batch: trained on, or left out (then nothing comes back). */
  private async advance(): Promise<Advanced | undefined> {
    const { steps } = this.options;
    const waitFrom = this.now();
    const prepared = await this.data!.take();
    const waitMs = this.now() - waitFrom;
    if (!prepared) {
      const updates = this.updatesAre('steps');
      throw new TrainerError(
        'data-exhausted',
        `Training ${this.state.run}: expected data for ${steps} ${updates}, got it for ${this.state.step}; repeat a source, or plan fewer steps (countBatches counts them).`,
      );
    }
    if (this.state.step + 1 < steps) this.data!.prepare();
    const ordinal = this.state.batches;
    const { batches, after } = prepared;
    const [tokens, lossTokens] = (['tokens', 'lossTokens'] as const).map((unit) =>
      batches.reduce((sum, batch) => sum + batch[unit], 0),
    ) as [number, number];
    const taken = { ...this.state, batches: ordinal + 1, data: after };
    if (this.state.skippedBatches.includes(ordinal)) {
      this.state = taken;
      return undefined;
    }
    this.updatesWithoutLoss = lossTokens > 0 ? 0 : this.updatesWithoutLoss + 1;
    if (this.updatesWithoutLoss >= (this.options.maxBatchesWithoutLoss ?? 8))
      throw this.noLoss(this.updatesWithoutLoss);

    const lr = learningRate(this.state.schedule, this.state.step);
    const { metrics, ...result } = await this.update(batches, lossTokens, lr);
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradNorm)) {
      await this.leaveOut(taken, result);
      return undefined;
    }
    this.state = {
      ...taken,
      step: this.state.step + 1,
      tokens: this.state.tokens + tokens,
      lossTokens: this.state.lossTokens + lossTokens,
    };
    const { loss, ...norms } = result;
    const seen = { step: this.state.step, tokens: this.state.tokens, lossTokens: this.state.lossTokens };
    const variant = [...new Set(batches.map((batch) => batch.variant))].join('+');
    return { row: { ...seen, loss, lr, ...norms, variant, metrics }, tokens, waitMs };
  }

  private update(batches: readonly StepBatch[], lossTokens: number, lr: number): Promise<StepResult> {
    const { step } = this.options;
    const [first] = batches;
    // Without loss tokens there is nothing to weigh by: such an update is what one such batch gives.
    if (batches.length === 1 || lossTokens === 0) return step.run(first!.variant, first!.inputs, { lr });
    const microBatches = batches.map(({ variant, inputs, lossTokens: weight }) => ({ variant, batch: inputs, weight }));
    return step.runAccumulated(microBatches, { lr });
  }

  /** On without this batch; where it spoilt the weights, from the last saved moment. @param taken the state after the batch, untrained */
  private async leaveOut(
    taken: RunState,
    { loss, gradNorm, groupNorms = {} }: Omit<StepResult, 'metrics'>,
  ): Promise<void> {
    const { notFinite = 'stop', onEvent } = this.options;
    const { step, run, skippedBatches, batches: ordinal } = this.state;
    const groups = Object.entries(groupNorms).filter(([, norm]) => !Number.isFinite(norm));
    const where = groups.length > 0 ? ` (${groups.map(([group, norm]) => `${group} ${norm}`).join(', ')})` : '';
    const what = `Training ${run}: batch ${ordinal} at step ${step} gave loss ${loss} and gradient norm ${gradNorm}${where}, which are not finite`;
    if (notFinite === 'stop') {
      const last =
        this.savedStep < 0
          ? 'there is no checkpoint yet'
          : `the last checkpoint, of step ${this.savedStep}, is untouched`;
      const advice = 'lower lrPeak, clip the gradient (clipNorm), or leave such batches out (notFinite: { skip })';
      throw new TrainerError('not-finite', `${what}; ${last}: ${advice}.`);
    }
    if (skippedBatches.length >= notFinite.skip) {
      const already = `${skippedBatches.length} batches were left out already, the most allowed (notFinite.skip)`;
      throw new TrainerError('not-finite', `${what}; ${already}.`);
    }
    const isUntouched = !Number.isFinite(gradNorm); // a step with such a gradient updates nothing: that is the engine's promise
    const { train, state } = this.start!;
    const backToStep = isUntouched ? step : state.step;
    onEvent?.({ kind: 'skipped-batch', batch: ordinal, step, backToStep });
    if (isUntouched) {
      this.state = { ...taken, skippedBatches: [...skippedBatches, ordinal] };
      return;
    }
    this.start = { train, state: { ...state, skippedBatches: [...skippedBatches, ordinal] } };
    await this.goTo(this.start);
    for (const log of this.logs) log.cut(backToStep);
  }

  private async goTo({ train, state }: RunStart): Promise<void> {
    await this.data?.close();
    this.data = undefined;
    await this.options.step.setState(train);
    this.state = state;
    this.data = new Lookahead(await this.options.batches(state.data ?? undefined), state.accumulate ?? 1);
  }

  private async saveIfDue(): Promise<void> {
    const { steps, seconds } = this.options.checkpointEvery ?? {};
    const { step } = this.state;
    await this.saveNames({ onlyIfMissing: false });
    const isDue =
      (steps !== undefined && step % steps === 0) ||
      (seconds !== undefined && this.now() - this.savedAt >= seconds * 1000);
    if (isDue && step < this.options.steps) await this.save();
  }

  private async finish(status: TrainResult['status']): Promise<TrainResult> {
    if (this.savedStep !== this.state.step) await this.save();
    else this.syncLogs();
    return { status, state: this.state, train: await this.options.step.getState() };
  }

  /** Named checkpoints of this step; before the unnamed one, so that no kill in between loses them. */
  private async saveNames({ onlyIfMissing }: { onlyIfMissing: boolean }): Promise<void> {
    const { store, namedCheckpoints = {} } = this.options;
    for (const [name, step] of Object.entries(namedCheckpoints)) {
      if (!store || step !== this.state.step) continue;
      if (onlyIfMissing && (await isWhole(store, name))) continue;
      await this.save(name);
    }
  }

  private async save(name?: string): Promise<void> {
    const { store, step, onEvent } = this.options;
    if (!store) return;
    this.syncLogs();
    const run = { train: await step.getState(), state: this.state };
    await store.save(run, name === undefined ? {} : { name });
    this.savedStep = this.state.step;
    this.savedAt = this.now();
    if (this.goesBack) this.start = run;
    onEvent?.({ kind: 'checkpoint', step: this.state.step, ...(name === undefined ? {} : { name }) });
  }

  private syncLogs(): void {
    for (const log of this.logs) log.sync();
  }

  private reportSpike({ step, loss }: MetricsRow): void {
    const typical = this.spike(loss);
    if (typical !== undefined) this.options.onEvent?.({ kind: 'loss-spike', step, loss, typical });
  }

  /** What an update is made of, in words. */
  private updatesAre(single: 'steps' | 'batches'): string {
    const { accumulate = 1 } = this.state;
    return accumulate === 1 ? single : `updates of ${accumulate} batches`;
  }

  private noLoss(updates: number): TrainerError {
    return new TrainerError(
      'no-loss-tokens',
      `Training ${this.state.run}: ${updates} ${this.updatesAre('batches')} in a row carry no target with loss; do the items' loss flags mark the tokens to be learned, ` +
        'and does truncation leave any of them?',
    );
  }
}

async function isWhole(store: CheckpointStore, name: string): Promise<boolean> {
  try {
    await store.open(name);
    return true;
  } catch (error) {
    if (TrainerError.isInstance(error) && ['no-checkpoint', 'checkpoint-broken'].includes(error.code)) return false;
    throw error;
  }
}
