import type { IrDType } from '../ir/graph.ts';
import type { GraphBuilder } from '../ir/graph-builder.ts';
import { JitError } from '../jit-error.ts';

/** What a lowering sees of one tfjs kernel call: value numbers under tfjs's own input names, and tfjs's attributes. */
export interface KernelCall {
  kernel: string;
  inputs: Record<string, number>;
  // tfjs attributes differ from kernel to kernel and are checked by tfjs's own operations before they come here.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  attrs: Record<string, any>;
  /** Names of the inputs that are complex64: their values have a last axis of two (see `kernels/complex.ts`). */
  complexInputs?: ReadonlySet<string>;
}

/** Appends nodes for one kernel call and returns its result, or its results. */
export type Lowering = (b: GraphBuilder, call: KernelCall) => number | number[];
export type Lowerings = Record<string, Lowering>;

export function unsupported(kernel: string, why: string): JitError {
  return new JitError('unsupported-op', `Cannot compile the tfjs operation ${kernel}: ${why}`);
}

/** Axes as non-negative, sorted numbers; absent means all. */
export function axesOf(axis: number | readonly number[] | undefined | null, rank: number): number[] {
  const list = axis === undefined || axis === null ? Array.from({ length: rank }, (_, i) => i) : [axis].flat();
  return (list as number[]).map((a) => axisOf(a, rank)).sort((a, b) => a - b);
}

export function axisOf(axis: number, rank: number): number {
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw new JitError('invalid-definition', `expected an axis of a tensor of rank ${rank}, got ${axis}.`);
}

export function irDType(dtype: string): IrDType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new JitError('unsupported-op', `Cannot compile a tensor of dtype ${dtype}: expected float32, int32 or bool.`);
}
