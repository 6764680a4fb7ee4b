export { checkpoint } from './checkpoint.ts';
export type { RunOptions } from './choose-engine.ts';
export type {
  AdamWOptions,
  Device,
  DType,
  Engine,
  Forward,
  ForwardFunction,
  ForwardOptions,
  MicroBatch,
  NamedArrays,
  NamedTensors,
  OptimizerOptions,
  SgdOptions,
  Signature,
  StepResult,
  TensorSpec,
  TrainState,
  TrainStep,
  TrainStepDefinition,
} from './engine.ts';
export { type Explanation, explain, explanationText, type OperatorCost } from './explain/explain.ts';
export { exportOnnx } from './export-onnx.ts';
export { type FusedOpSpec, fusedOp } from './fused-op.ts';
export { registerGradients } from './gradients/registry.ts';
export { type JitInput, type JitOptions, type Jitted, jit, type StatefulJitted } from './jit.ts';
export { JitError, type JitErrorCode } from './jit-error.ts';
export { type OnnxEngineOptions, onnxEngine } from './onnx-engine.ts';
export { compiledKernels, isCompiled } from './op-coverage.ts';
export { checkParity, type ParityOptions, type ParityReport } from './parity.ts';
export type { CacheOptions, RetraceEvent } from './signature-cache.ts';
export { type TfjsEngineOptions, tfjsEngine } from './tfjs-engine.ts';
export { type LossResult, type TrainStepFunction, type TrainStepOptions, trainStep } from './train-step.ts';
