export { createMixture } from './create-mixture.ts';
export { type ArrayState, fromArray } from './from-array.ts';
export { MixtureError, type MixtureErrorCode } from './mixture-error.ts';
export type {
  MixtureItem,
  MixtureOptions,
  MixturePolicy,
  MixtureSource,
  MixtureState,
  ResumableIterator,
  WhenExhausted,
} from './types.ts';
