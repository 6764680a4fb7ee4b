export type {
  AdamWOptions,
  DType,
  Engine,
  Forward,
  ForwardFunction,
  ForwardOptions,
  NamedArrays,
  NamedTensors,
  Signature,
  StepResult,
  TensorSpec,
  TrainState,
  TrainStep,
  TrainStepDefinition,
} from './engine.ts';
export { type FusedOpSpec, fusedOp } from './fused-op.ts';
export { JitError, type JitErrorCode } from './jit-error.ts';
