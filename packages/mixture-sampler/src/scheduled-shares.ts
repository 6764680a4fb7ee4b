import { type ShareCurve, shareCurve } from './schedule.ts';
import type { SourceSlot } from './source-slot.ts';
import type { MixtureState, ScheduleKnot } from './types.ts';

/**
 * Targets that follow a schedule, and the exact choice among them (the law is in `exact-policy.ts`).
 *
 * While all sources go on, the target of source i at a total of T is G_i(T) of the schedule. When one ends for good at a total of E, the remaining
 * ones share what comes by their weights among themselves; each begins at its target of that moment, and what the ended source was away
 * from its own (an item at most) is divided by the shares. So the targets of those that go on always sum to what they delivered.
 */
export class ScheduledShares<T> {
  readonly #knots: readonly ScheduleKnot[];
  readonly #slots: readonly SourceSlot<T>[];
  #origin: MixtureState['origin'];
  #curve!: ShareCurve;
  /** Place of each active source in the curve, and its target less the curve's. */
  #places = new Map<SourceSlot<T>, { index: number; offset: number }>();

  constructor(knots: readonly ScheduleKnot[], slots: readonly SourceSlot<T>[], state: MixtureState | undefined) {
    this.#knots = knots;
    this.#slots = slots;
    this.#origin = state?.origin;
    if (this.#origin === undefined && slots.some(({ ended }) => ended)) this.#beginHere(({ delivered }) => delivered);
    this.#place();
  }

  /** For the saved state; `undefined` while no source has ended. */
  get origin(): MixtureState['origin'] {
    return this.#origin;
  }

  share(slot: SourceSlot<T>): number {
    return this.#curve.share(this.#places.get(slot)!.index, this.#total());
  }

  target(slot: SourceSlot<T>): number {
    return this.#target(slot, this.#total());
  }

  /** Those whose next item has started to flow: never none. */
  eligible(active: readonly SourceSlot<T>[]): SourceSlot<T>[] {
    const total = this.#total();
    const rounding = total * 2 ** -40;
    const due = active.filter((slot) => {
      const behind = this.#target(slot, total) - slot.delivered;
      return behind > rounding || (behind >= -rounding && this.#curve.share(this.#places.get(slot)!.index, total) > 0);
    });
    return due.length > 0 ? due : [...active];
  }

  earliestDeadline(due: readonly SourceSlot<T>[]): SourceSlot<T> {
    let chosen = due[0]!;
    let earliest = Number.POSITIVE_INFINITY;
    for (const slot of due) {
      const { index, offset } = this.#places.get(slot)!;
      const deadline = this.#curve.due(index, slot.delivered + slot.head!.cost - offset);
      if (deadline < earliest) {
        chosen = slot;
        earliest = deadline;
      }
    }
    return chosen;
  }

  /** A source has ended for good: the others go on from their targets. */
  sourceEnded(): void {
    const total = this.#total();
    const active = this.#slots.filter(({ ended }) => !ended);
    const targets = new Map(active.map((slot) => [slot, this.#target(slot, total)]));
    let left = 0;
    for (const [slot, target] of targets) left += slot.delivered - target;
    const curve = shareCurve(
      this.#knots,
      active.map(({ source }) => source.name),
    );
    this.#beginHere((slot) => targets.get(slot)! + left * curve.share(active.indexOf(slot), total));
    this.#place();
  }

  #beginHere(target: (slot: SourceSlot<T>) => number): void {
    const active = this.#slots.filter(({ ended }) => !ended);
    this.#origin = {
      total: this.#total(),
      targets: Object.fromEntries(active.map((slot) => [slot.source.name, target(slot)])),
    };
  }

  #place(): void {
    const active = this.#slots.filter(({ ended }) => !ended);
    if (active.length === 0) return;
    this.#curve = shareCurve(
      this.#knots,
      active.map(({ source }) => source.name),
    );
    const origin = this.#origin;
    this.#places = new Map(
      active.map((slot, index) => {
        const offset = origin ? origin.targets[slot.source.name]! - this.#curve.delivery(index, origin.total) : 0;
        return [slot, { index, offset }];
      }),
    );
  }

  #target(slot: SourceSlot<T>, total: number): number {
    const { index, offset } = this.#places.get(slot)!;
    return this.#curve.delivery(index, total) + offset;
  }

  #total(): number {
    let total = 0;
    for (const { delivered } of this.#slots) total += delivered;
    return total;
  }
}
