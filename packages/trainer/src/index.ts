export type { SourceAccount, TokenAccounting } from './accounting.ts';
export { type Batch, type BatchShape, batchArrays, patchSizes, variantName, variantSignatures } from './batch.ts';
export { type CheckpointFiles, nodeFiles } from './checkpoint-files.ts';
export { type CheckpointStore, type CheckpointStoreOptions, createCheckpointStore } from './checkpoint-store.ts';
export { isDead, isHere, type ProcessHolder, thisHolder } from './holder.ts';
export type { LossSpikeRule } from './loss-spikes.ts';
export { jsonLog, type MetricsLog, type MetricsRow, type OpenMetricsLog } from './metrics-log.ts';
export { OPENLM_IGNORED, type OpenLmMasks, openLmKeeps, openLmRow, openLmToken, openLmTokens } from './openlm.ts';
export {
  type Batches,
  type BatchesOptions,
  type BatchesState,
  countBatches,
  createBatches,
  type Packing,
  type Piece,
  type StepBatch,
  type StepBatches,
  type TrainingBatch,
} from './packing.ts';
export {
  beginRun,
  branchRun,
  type Checkpoint,
  initialiseRun,
  type NewRun,
  type RunParent,
  type RunStart,
  type RunState,
  resumeRun,
} from './run-state.ts';
export {
  type ConstantSchedule,
  type ContinuedSchedule,
  type CosineSchedule,
  checkSchedule,
  learningRate,
  type Schedule,
  type WarmupStableDecaySchedule,
} from './schedule.ts';
export {
  arraySource,
  collect,
  type FilterState,
  filterSource,
  type LimitState,
  limitSource,
  mapSource,
  namedSource,
  repeatSource,
} from './sources.ts';
export { tensorboardLog } from './tensorboard-log.ts';
export { type TrainEvent, type TrainOptions, type TrainResult, train, trainSteps } from './train.ts';
export { TrainerError, type TrainerErrorCode } from './trainer-error.ts';
export type { OpenSource, SourcedItem, TrainingItem } from './training-item.ts';
export { wandbLog } from './wandb-log.ts';
