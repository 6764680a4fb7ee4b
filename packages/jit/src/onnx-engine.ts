import { availableParallelism } from 'node:os';
import { CompiledForward } from './compiled-forward.ts';
import { CompiledTrainStep, type TrainHost } from './compiled-train-step.ts';
import { traitsOf } from './devices/device-traits.ts';
import { checkInstalled } from './devices/missing-device.ts';
import type { Device, Engine, Signature } from './engine.ts';
import { ForwardExecutor } from './executor/forward-executor.ts';
import { openTrainExecutor } from './executor/open-train-executor.ts';
import { RemoteExecutor } from './executor/remote-executor.ts';
import { ForwardWorker } from './executor/remote-forward.ts';
import { JitError } from './jit-error.ts';
import { checkNextState, traceForward } from './trace/trace-forward.ts';
import { variableInput } from './trace/variables.ts';
import { prepareDefinition } from './train-definition.ts';

export interface OnnxEngineOptions {
  /** Threads of one operator; default: all that the machine offers. The same state and batches give the same bits at the same number. */
  threads?: number;
  /**
   * Training runs in a worker thread, so that the caller's thread stays free; `false` runs it in the caller's (for processes that do
   * nothing else). Forward graphs run in the caller's thread, unless they ask for a worker.
   */
  worker?: boolean;
  /** Default `cpu`. `webgpu` keeps the training state on the graphics processor; `cuda` moves it with every call. */
  device?: Device;
  /**
   * On a device other than the CPU, each variant's loss and gradients are compared with the CPU's when it is first used, and training is
   * refused with the code `parity` where they differ. Default true; `false` saves the time of one step on the CPU.
   */
  verify?: boolean;
}

/**
 * The engine that compiles: a step is traced once, gradients and all, into one ONNX graph that ONNX Runtime executes; AdamW runs in
 * WebAssembly on the same memory.
 * @throws {JitError} `invalid-definition` for options that make no sense
 * @example
 * const step = await onnxEngine({ threads: 2 }).compileTrainStep(definition);
 */
export function onnxEngine(options: OnnxEngineOptions = {}): Engine {
  const { threads = availableParallelism(), worker = true, device = 'cpu', verify = true } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new JitError('invalid-definition', `onnxEngine: expected threads to be a whole number ≥ 1, got ${threads}.`);
  }
  const traits = traitsOf(device);
  const forwardWorker = new ForwardWorker();
  return {
    name: 'onnx',
    async compileTrainStep(definition) {
      const executorOptions = { ...prepareDefinition(definition), params: definition.params, threads };
      checkInstalled(traits);
      const open = (on: Device): TrainHost => {
        const onDevice = { ...executorOptions, device: on };
        return worker ? new RemoteExecutor(onDevice) : openTrainExecutor(onDevice);
      };
      const openReference = verify && device !== 'cpu' ? () => open('cpu') : undefined;
      return new CompiledTrainStep(definition, open(device), traits, openReference);
    },
    async compileForward(fn, forwardOptions) {
      const { model, outputs, bounds, variables } = traceForward(fn, forwardOptions, 'inputs', traits);
      checkNextState(forwardOptions, outputs);
      checkInstalled(traits);
      const read = variables.map((variable) => [
        variableInput(variable),
        { shape: variable.shape, dtype: variable.dtype },
      ]);
      const inputs = { ...forwardOptions.inputs, ...(Object.fromEntries(read) as Signature) };
      const forwardModel = { model, inputs, outputs, state: forwardOptions.state ?? {}, threads, device };
      const runner = forwardOptions.worker
        ? await forwardWorker.open(forwardModel)
        : await ForwardExecutor.open(forwardModel);
      return new CompiledForward(runner, variables, bounds);
    },
  };
}
