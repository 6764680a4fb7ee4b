export { calibrate, calibratedRate } from './calibrate.ts';
export { childProcessRunner } from './child-process-runner.ts';
export { resolvePublicCheckpoints } from './data/public-checkpoint.ts';
export { type ExecuteOptions, executeStudy } from './execute-study.ts';
export type {
  Executor,
  PhaseProgress,
  PhaseRunner,
  PhaseStatus,
  RunOptions,
  StudyEvent,
} from './executor.ts';
export {
  expandStudy,
  type Phase,
  type PhaseKind,
  phaseKinds,
  prerequisites,
  type Study,
} from './graph.ts';
export { checkSubmitter, phaseOfStudy, studyOfRecipe, versionMismatch } from './handed-over.ts';
export { describeHardware, type Hardware, hardwareText } from './hardware.ts';
export { canonicalJson, identityOf, numericsVersion } from './identity.ts';
export { type LocalExecutorOptions, localExecutor } from './local-executor.ts';
export { openTrainedModel, type TrainedModel } from './open-trained-model.ts';
export { parseRecipe } from './parse-recipe.ts';
export { partOfStudy } from './part-of-study.ts';
export { appendPhaseLog, logLine, readPhaseLog } from './phase-log.ts';
export { writePartialReport } from './phases/report.ts';
export {
  estimateSeconds,
  type PlannedPhase,
  type PlanOptions,
  type PlanTotal,
  planStudy,
  type StudyPlan,
} from './plan.ts';
export { loadRecipe, presetNames, presets } from './presets/index.ts';
export { localReport, readResults } from './read-results.ts';
export { type Arm, mainSteps, type Recipe, recipeSchema, stepAt } from './recipe.ts';
export { writeDuelPage } from './report/duel-page.ts';
export type {
  ArmResult,
  ArmScore,
  Comparison,
  ModelResult,
  SampleAnswer,
  ScoreRow,
  StudyResults,
  TokenAccount,
} from './report/results.ts';
export { chainSeconds, dependents, finishedRecords, isReady, neededPhases } from './schedule.ts';
export type { Claim, ClaimOptions } from './store/claim.ts';
export { takeFolder } from './store/directory-store.ts';
export type { StoreHolder } from './store/holder.ts';
export type { ShownRun, StudyRun } from './store/runs.ts';
export {
  type CacheOptions,
  type FetchOptions,
  findStore,
  openStore,
  type PhaseHardware,
  type PhaseKey,
  type PhaseRecord,
  type Store,
  type StoredFile,
  type StoreOptions,
} from './store.ts';
export { StudyError, type StudyErrorCode } from './study-error.ts';
export { addSweeps, sweeps } from './sweeps/index.ts';
export { type SweepName, sweepNames } from './sweeps/names.ts';
export type { Sweep } from './sweeps/sweep.ts';
export { createTimeLeft, type TimeLeft } from './time-left.ts';
export { studyVersion } from './version.ts';
export { type WatchServer, watchStudy } from './watch/watch-server.ts';
