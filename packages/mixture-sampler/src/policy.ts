import { earliestDeadline, eligible } from './exact-policy.ts';
import { drawn, uniformAt } from './random-policy.ts';
import { ScheduledShares } from './scheduled-shares.ts';
import type { SourceSlot } from './source-slot.ts';
import type { MixtureOptions, MixtureState } from './types.ts';

/** Whose turn it is. `active` are the sources that have not ended, at least one. */
export interface Policy<T> {
  /** The sources whose next item the choice depends on: at least one. */
  contenders(active: SourceSlot<T>[]): SourceSlot<T>[];
  /** One of the contenders, whose heads are filled now; its head is then delivered. */
  choose(contenders: SourceSlot<T>[]): SourceSlot<T>;
  /** Told when a source has ended for good. */
  sourceEnded(): void;
  /** What an active source should have delivered by now. */
  target(slot: SourceSlot<T>, active: SourceSlot<T>[]): number;
  /** What it adds to the state of the mixture. */
  state(): Pick<MixtureState, 'origin' | 'batch'>;
}

export function createPolicy<T>(
  { policy = 'exact', schedule, state }: MixtureOptions<T>,
  slots: readonly SourceSlot<T>[],
): Policy<T> {
  const scheduled = schedule && new ScheduledShares(schedule, slots, state);
  const weight = (slot: SourceSlot<T>): number => (scheduled ? scheduled.share(slot) : slot.weight);
  const withWeight = (active: SourceSlot<T>[]): SourceSlot<T>[] =>
    scheduled ? active.filter((slot) => weight(slot) > 0) : active;
  const base = {
    sourceEnded: () => scheduled?.sourceEnded(),
    target: (slot: SourceSlot<T>, active: SourceSlot<T>[]) =>
      scheduled ? scheduled.target(slot) : proportion(slot, active),
    state: (): Pick<MixtureState, 'origin' | 'batch'> => (scheduled?.origin ? { origin: scheduled.origin } : {}),
  };
  if (policy === 'exact') {
    return scheduled
      ? {
          ...base,
          contenders: (active) => scheduled.eligible(active),
          choose: (due) => scheduled.earliestDeadline(due),
        }
      : { ...base, contenders: eligible, choose: earliestDeadline };
  }
  if (policy.kind === 'random') {
    return {
      ...base,
      contenders: withWeight,
      choose: (active) =>
        drawn(active, uniformAt(policy.seed, itemsOf(slots)), (slot) => weight(slot) / slot.head!.cost),
    };
  }
  let batch = state?.batch;
  return {
    ...base,
    contenders(active) {
      const open = batch && batch.left > 0 && active.find(({ source }) => source.name === batch!.source);
      if (open) return [open];
      const draws = batch?.draws ?? 0;
      const next = drawn(withWeight(active), uniformAt(policy.seed, draws), weight);
      batch = { draws: draws + 1, left: policy.items, source: next.source.name };
      return [next];
    },
    choose([slot]) {
      batch = { ...batch!, left: batch!.left - 1 };
      return slot!;
    },
    state: () => ({ ...base.state(), ...(batch && { batch }) }),
  };
}

function itemsOf(slots: readonly { items: number }[]): number {
  let all = 0;
  for (const { items } of slots) all += items;
  return all;
}

/** Constant weights: a source's part of what the active ones delivered. */
function proportion<T>(slot: SourceSlot<T>, active: readonly SourceSlot<T>[]): number {
  let total = 0;
  let weights = 0;
  for (const { delivered, weight } of active) {
    total += delivered;
    weights += weight;
  }
  return (slot.weight / weights) * total;
}
