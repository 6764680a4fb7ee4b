import { checkOptions } from './check-options.ts';
import { earliestDeadline, eligible } from './exact-policy.ts';
import { drawn, uniformAt } from './random-policy.ts';
import { SourceSlot } from './source-slot.ts';
import type { MixtureItem, MixtureOptions, MixtureState, ResumableIterator } from './types.ts';

/**
 * Mixes sources so that each delivers its share of the total *cost* (tokens, say), not of the items.
 *
 * With the policy `exact` the order is a function of weights and costs alone, and at every moment no source is further from its share
 * than the cost of one largest item (the law, and why it holds, is in `exact-policy.ts`). With `random` the shares hold in expectation.
 * One item per source is read ahead; `state()` gives it back.
 *
 * @param options.state goes on where an earlier mixture was; what is delivered then is the same bits as without the interruption. The
 *   sources must have the same names. Other weights are allowed: they apply to all that was delivered since the beginning, so that the
 *   mixture first makes up for the difference.
 * @returns an iterator; it fails for good when a source fails, and its `state()` is then the one before the failure
 * @throws MixtureError `invalid-argument`, `invalid-state` at once; from `next`: `empty-source`, `invalid-cost`
 * @example
 * const mixture = createMixture({
 *   sources: [
 *     { name: 'text', weight: 0.9, open: (state) => fromArray(texts, state), cost: (t) => t.length, whenExhausted: 'stop' },
 *     { name: 'captions', weight: 0.1, open: (state) => fromArray(captions, state), cost: (t) => t.length, whenExhausted: 'repeat' },
 *   ],
 * });
 * const { value } = await mixture.next(); // { source: 'text', item: '…', cost: 120 }
 * const saved = JSON.stringify(mixture.state());
 */
export function createMixture<T>(options: MixtureOptions<T>): ResumableIterator<MixtureItem<T>, MixtureState> {
  checkOptions(options);
  const { sources, state, policy = 'exact' } = options;
  const slots = sources.map((source) => {
    const slot = new SourceSlot(source, state?.sources[source.name]);
    if (state !== undefined) {
      slot.delivered = state.delivered[source.name]!;
      slot.items = state.items[source.name]!;
      slot.epochs = state.epochs[source.name]!;
      slot.ended = state.ended.includes(source.name);
    }
    return slot;
  });

  async function step(): Promise<IteratorResult<MixtureItem<T>, undefined>> {
    choice: for (;;) {
      const active = slots.filter((slot) => !slot.ended);
      if (active.length === 0 || slots.some((slot) => slot.ended && slot.source.whenExhausted === 'stop')) {
        return { done: true, value: undefined };
      }
      const due = policy === 'exact' ? eligible(active) : active;
      for (const slot of due) {
        if (slot.head === undefined && !(await slot.fill())) continue choice; // one contender less: everything counts anew
      }
      const chosen = policy === 'exact' ? earliestDeadline(due) : drawn(due, uniformAt(policy.seed, itemsSoFar()));
      return { done: false, value: chosen.deliver() };
    }
  }

  function itemsSoFar(): number {
    let items = 0;
    for (const slot of slots) items += slot.items;
    return items;
  }

  // Calls take their turn. A failed step fails all that come after it: a source that threw must not look like one that ended.
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;

  return {
    next() {
      const result = turn.then(() => (closed ? { done: true as const, value: undefined } : step()));
      turn = result;
      return result;
    },
    state: () => ({
      version: 1,
      delivered: byName((slot) => slot.delivered),
      items: byName((slot) => slot.items),
      epochs: byName((slot) => slot.epochs),
      sources: byName((slot) => slot.state(), true),
      ended: slots.filter((slot) => slot.ended).map((slot) => slot.source.name),
    }),
    async return() {
      await turn.catch(() => {});
      if (!closed) await Promise.all(slots.map((slot) => slot.close()));
      closed = true;
      return { done: true, value: undefined };
    },
  };

  function byName<V>(value: (slot: SourceSlot<T>) => V, omitAbsent = false): Record<string, V> {
    const entries = slots.map((slot) => [slot.source.name, value(slot)] as const);
    return Object.fromEntries(omitAbsent ? entries.filter(([, v]) => v !== undefined) : entries);
  }
}
