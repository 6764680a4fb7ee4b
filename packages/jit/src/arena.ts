/**
 * Where the numbers of a training state lie: one block of memory that ONNX Runtime reads and writes and the optimizer updates in place.
 *
 * Regions of equal layout (parameters and gradients of what trains, then the moments that the optimizer keeps), then the frozen parameters. Each
 * array starts at a multiple of 64 bytes; the gaps are zero and stay zero, so that an update or a norm may run over them.
 */
import type { Signature, TrainState } from './engine.ts';
import { sizeOf } from './ir/graph.ts';
import { JitError } from './jit-error.ts';
import type { ParameterGroup } from './optimizer/optimizer-plan.ts';
import type { StatePart } from './optimizer/update-graph.ts';

const ALIGNMENT = 64;
/** The address space of 32-bit WebAssembly. */
const MAX_BYTES = 2 ** 32;

const stateParts: readonly StatePart[] = ['params', 'm', 'v'];

export interface Slot {
  name: string;
  /** Elements from the start of a region. */
  offset: number;
  length: number;
}

/** Consecutive parameters that are updated alike: one call of the optimizer. */
export interface UpdateRun {
  offset: number;
  length: number;
  weightDecay: number;
  learningRateScale: number;
}

export interface ArenaLayout {
  /** Names of all parameters in the order of the signature. */
  order: string[];
  trained: Slot[];
  frozen: Slot[];
  runs: UpdateRun[];
  /** Moments per parameter: 2 for AdamW, 1 for momentum, 0 for plain gradient descent. */
  moments: 0 | 1 | 2;
  /** Parameters whose gradient norms are reported together, by the name of their group. */
  normGroups: Record<string, Slot[]>;
  /** Elements in each region. */
  regionLength: number;
  /** Bytes in all. */
  bytes: number;
}

/** Lays out parameters group by group, each group in the order of the signature; frozen ones stand at the end. */
export function arenaLayout(
  params: Signature,
  frozen: readonly string[],
  groups: readonly ParameterGroup[],
  moments: 0 | 1 | 2,
  groupOf?: (name: string) => string,
): ArenaLayout {
  let end = 0;
  const place = (name: string): Slot => {
    const slot = { name, offset: end, length: sizeOf(params[name]!.shape) };
    end += Math.ceil((slot.length * 4) / ALIGNMENT) * (ALIGNMENT / 4);
    return slot;
  };
  const trained: Slot[] = [];
  const runs: UpdateRun[] = [];
  for (const { params: names, weightDecay, learningRateScale } of groups) {
    const offset = end;
    trained.push(...names.map(place));
    if (end > offset) runs.push({ offset, length: end - offset, weightDecay, learningRateScale });
  }
  const regionLength = end;
  end *= 2 + moments;
  const still = frozen.map(place);
  const bytes = end * 4;
  if (bytes > MAX_BYTES) {
    throw new JitError(
      'too-large',
      `Training state: expected at most ${MAX_BYTES} bytes (parameters, gradients and moments share a 32-bit memory), got ${bytes}.`,
    );
  }
  const normGroups: Record<string, Slot[]> = {};
  for (const slot of groupOf ? trained : []) {
    const group = groupOf!(slot.name);
    normGroups[group] = [...(normGroups[group] ?? []), slot];
  }
  return { order: Object.keys(params), trained, frozen: still, runs, moments, normGroups, regionLength, bytes };
}

/** The arrays that a state consists of. */
export function stateSlots({ trained, frozen, moments }: ArenaLayout): [part: StatePart, slot: Slot][] {
  const slots = [[...trained, ...frozen], ...[trained, trained].slice(0, moments)];
  return slots.flatMap((ofPart, i) => ofPart.map((slot): [StatePart, Slot] => [stateParts[i]!, slot]));
}

/** @throws {JitError} `invalid-state` when a name is missing or unknown or has another length */
export function checkState(layout: ArenaLayout, state: Pick<TrainState, StatePart>): void {
  const slots = stateSlots(layout);
  for (const [part, { name, length }] of slots) {
    const got = state[part]?.[name];
    if (got instanceof Float32Array && got.length === length) continue;
    const what = got === undefined ? 'nothing' : `${got.constructor.name} of ${got.length}`;
    throw new JitError(
      'invalid-state',
      `State: expected ${part}.${name} to be ${length} float32 numbers, got ${what}.`,
    );
  }
  const known = new Set(layout.order);
  for (const part of stateParts) {
    const extra = Object.keys(state[part] ?? {}).find((name) => !known.has(name));
    if (extra === undefined) continue;
    const expected = slots.flatMap(([of, { name }]) => (of === part ? [name] : []));
    throw new JitError(
      'invalid-state',
      `State: ${part}.${extra} is no parameter of this step; expected ${expected.join(', ')}.`,
    );
  }
}

/** Views into the block, by region and name. They are made once. */
export class Arena {
  readonly layout: ArenaLayout;
  readonly params: Record<string, Float32Array> = {};
  readonly gradients: Record<string, Float32Array> = {};
  readonly m: Record<string, Float32Array> = {};
  readonly v: Record<string, Float32Array> = {};
  /** All gradients, gaps included. */
  readonly gradientRegion: Float32Array;
  private sum: Float32Array | undefined;

  constructor(layout: ArenaLayout, buffer: ArrayBuffer) {
    this.layout = layout;
    this.gradientRegion = new Float32Array(buffer, 4 * layout.regionLength, layout.regionLength);
    const regions = [this.params, this.gradients, this.m, this.v].slice(0, 2 + layout.moments);
    for (const [i, region] of regions.entries()) {
      for (const { name, offset, length } of layout.trained) {
        region[name] = new Float32Array(buffer, 4 * (i * layout.regionLength + offset), length);
      }
    }
    for (const { name, offset, length } of layout.frozen) {
      this.params[name] = new Float32Array(buffer, 4 * offset, length);
    }
  }

  /** A buffer beside the block for sums of gradients, made when it is first asked for. */
  get gradientSum(): Float32Array {
    this.sum ??= new Float32Array(this.layout.regionLength);
    return this.sum;
  }

  /** Byte offset of an element of the region: 0 parameters, 1 gradients, 2 first moments, 3 second moments. */
  pointer(region: 0 | 1 | 2 | 3, offset: number): number {
    return 4 * (region * this.layout.regionLength + offset);
  }

  /** @throws {JitError} `invalid-state` when a name is missing or unknown or has another length; then nothing has changed */
  load(state: Pick<TrainState, StatePart>): void {
    checkState(this.layout, state);
    for (const [part, { name }] of stateSlots(this.layout)) this[part][name]!.set(state[part][name]!);
  }

  copy(): Pick<TrainState, StatePart> {
    return { params: this.copyOf(this.params), m: this.copyOf(this.m), v: this.copyOf(this.v) };
  }

  copyGradients(): Record<string, Float32Array> {
    return this.copyOf(this.gradients);
  }

  private copyOf(views: Record<string, Float32Array>): Record<string, Float32Array> {
    return Object.fromEntries(this.layout.order.flatMap((name) => (views[name] ? [[name, views[name].slice()]] : [])));
  }
}
