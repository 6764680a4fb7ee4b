export { createMixture } from './create-mixture.ts';
export { type DrawState, drawFrom, type RandomAccess } from './draw-from.ts';
export { type ArrayState, fromArray } from './from-array.ts';
export { MixtureError, type MixtureErrorCode } from './mixture-error.ts';
export { oneCallAtATime } from './one-call-at-a-time.ts';
export { takeTurns } from './take-turns.ts';
export { temperatureWeights } from './temperature-weights.ts';
export type {
  Mixture,
  MixtureItem,
  MixtureOptions,
  MixturePolicy,
  MixtureReport,
  MixtureSource,
  MixtureState,
  ResumableIterator,
  ScheduleKnot,
  SourceLimits,
  SourceReport,
  WhenExhausted,
} from './types.ts';
