/**
 * Shares that hold at every moment, whatever the items cost.
 *
 * Think of a fluid that fills all sources at once, source i at rate p_i = w_i / Σw. An item of cost c, behind D_i already delivered,
 * flows there from virtual time D_i / p_i (its start) to (D_i + c) / p_i (its deadline). With T = Σ D delivered so far, a source is
 * *eligible* when its next item has started to flow: D_i ≤ p_i·T. Some source always is, for the differences p_i·T − D_i sum to zero.
 * Among the eligible, the earliest deadline goes first.
 *
 * Law, with C_i the largest cost in source i: at every moment
 *
 *     −(1 − p_i)·C_i  ≤  p_i·T − D_i  ≤  (1 − p_i)·C_i + p_i·max_{j≠i} C_j     (so never further away than the largest item)
 *
 * Left: only a choice lowers p_i·T − D_i, by (1 − p_i)·c, and it was ≥ 0 then. Right: let item J of source i with deadline F start at
 * time T, and let t be the last time before at which an item with a later deadline was started, of cost b (if none: t = b = 0). At t
 * nothing with a deadline ≤ F was eligible, so all that was delivered between t + b and the end of J started to flow after t and was due by
 * F: it is at most F − t in all. J therefore ends by F + b, and b belongs to another source, whose items alone can be due later than J
 * and yet chosen before it. With T ≤ F + b − c and p_i·F = D_i + c the right side follows.
 *
 * With unit costs this is the chairman assignment problem (R. Tijdeman, 1980); with unequal costs, worst-case fair weighted fair
 * queueing (J. Bennett and H. Zhang, 1996), all queues always full.
 *
 * When a source ends for good, p and T are taken over the remaining ones, from the beginning: they were in proportion all along, so
 * nobody is favoured. The same argument from that moment on, where they are ahead by A = Σ max(0, D_j − p_j·T) in all, gives the law
 * with max(A, max C_j) in the place of max C_j.
 */

/** What a policy sees of a source. */
export interface Contender {
  readonly source: { readonly weight: number };
  readonly delivered: number;
  readonly head: { readonly cost: number } | undefined;
}

/** Room for rounding, so that of sources that are all exactly on target none is late by a last bit. */
const slack = 1 + 2 ** -40;

/** The eligible among the active sources: never none. */
export function eligible<S extends Contender>(active: readonly S[]): S[] {
  let total = 0;
  let weights = 0;
  for (const { delivered, source } of active) {
    total += delivered;
    weights += source.weight;
  }
  return active.filter(({ delivered, source }) => delivered * weights <= source.weight * total * slack);
}

/** The source whose next item has the earliest deadline; the first of the list where two are equal. */
export function earliestDeadline<S extends Contender>(due: readonly S[]): S {
  let chosen = due[0]!;
  let earliest = Number.POSITIVE_INFINITY;
  for (const contender of due) {
    const deadline = (contender.delivered + contender.head!.cost) / contender.source.weight;
    if (deadline < earliest) {
      chosen = contender;
      earliest = deadline;
    }
  }
  return chosen;
}
