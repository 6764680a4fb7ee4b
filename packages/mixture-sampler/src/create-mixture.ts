import { checkOptions } from './check-options.ts';
import { createPolicy } from './policy.ts';
import { SourceSlot } from './source-slot.ts';
import type { Mixture, MixtureItem, MixtureOptions, MixtureReport } from './types.ts';

/**
 * Mixes sources so that each delivers its share of the total *cost* (tokens, say), not of the items.
 *
 * With the policy `exact` the order is a function of weights and costs alone, and at every moment no source is further from its share
 * than the cost of one largest item (the law, and why it holds, is in `exact-policy.ts`). With `random` the shares hold in expectation.
 * One item per source is read ahead; `state()` gives it back.
 *
 * @param options.schedule weights that change with the cost delivered in all; the law holds for them too
 * @param options.state goes on where an earlier mixture was; what is delivered then is the same bits as without the interruption. The
 *   sources must have the same names. Other weights are allowed: they apply to all that was delivered since the beginning, so that the
 *   mixture first makes up for the difference.
 * @returns an iterator, with `report()`: targets and counts by source, and why a source or the mixture ended. It fails for good when a
 *   source fails, and its `state()` is then the one before the failure
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
export function createMixture<T>(options: MixtureOptions<T>): Mixture<T> {
  checkOptions(options);
  const { sources, state } = options;
  const slots = sources.map((source) => new SourceSlot(source, state));
  const policy = createPolicy(options, slots);

  async function step(): Promise<IteratorResult<MixtureItem<T>, undefined>> {
    choice: for (;;) {
      const active = slots.filter((slot) => !slot.ended);
      if (active.length === 0 || slots.some((slot) => slot.stops)) return { done: true, value: undefined };
      const contenders = policy.contenders(active);
      for (const slot of contenders) {
        if (slot.head !== undefined || (await slot.fill())) continue;
        policy.sourceEnded();
        continue choice; // one contender less: everything counts anew
      }
      return { done: false, value: policy.choose(contenders).deliver() };
    }
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
    state() {
      const limited = namesOf((slot) => slot.limited);
      return {
        version: 1,
        delivered: byName((slot) => slot.delivered),
        items: byName((slot) => slot.items),
        epochs: byName((slot) => slot.epochs),
        sources: byName((slot) => slot.state(), true),
        ended: namesOf((slot) => slot.ended),
        ...(limited.length > 0 && { limited }),
        ...policy.state(),
      };
    },
    report,
    async return() {
      await turn.catch(() => {});
      if (!closed) await Promise.all(slots.map((slot) => slot.close()));
      closed = true;
      return { done: true, value: undefined };
    },
  };

  function report(): MixtureReport {
    const active = slots.filter((slot) => !slot.ended);
    const total = slots.reduce((sum, { delivered }) => sum + delivered, 0);
    return {
      total,
      sources: slots.map((slot) => {
        const { delivered, items, epochs, ended, limited } = slot;
        const target = ended ? delivered : policy.target(slot, active);
        return {
          name: slot.source.name,
          target,
          delivered,
          behind: target - delivered,
          share: total > 0 ? delivered / total : 0,
          items,
          epochs,
          ended: ended ? (limited ? 'limit' : 'exhausted') : null,
        };
      }),
      stoppedBy: slots.find((slot) => slot.stops)?.source.name ?? null,
    };
  }

  function namesOf(which: (slot: SourceSlot<T>) => boolean): string[] {
    return slots.filter(which).map((slot) => slot.source.name);
  }

  function byName<V>(value: (slot: SourceSlot<T>) => V, omitAbsent = false): Record<string, V> {
    const entries = slots.map((slot) => [slot.source.name, value(slot)] as const);
    return Object.fromEntries(omitAbsent ? entries.filter(([, v]) => v !== undefined) : entries);
  }
}
