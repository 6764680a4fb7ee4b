/**
 * Shares that hold at every moment, whatever the items cost.
 *
 * Think of a fluid that fills all sources at once. When T has flowed in all, G_i(T) has flowed into source i: with constant shares
 * p_i = w_i / Σw it is p_i·T, with changing ones ∫ p_i(t) dt up to T. The G_i never fall and sum to T. An item of cost c, behind D_i
 * already delivered, flows from the time at which G_i leaves D_i (its start) to the first at which it is D_i + c (its deadline). With
 * T = Σ D delivered so far, a source is *eligible* when its next item has started to flow, so that D_i ≤ G_i(T). Some source always is, for
 * the differences G_i(T) − D_i sum to zero. Among the eligible, the earliest deadline goes first.
 *
 * Law, with C_i the largest cost in source i and B_i the largest of the others: at every moment
 *
 *     constant shares   −(1 − p_i)·C_i  ≤  p_i·T − D_i   ≤  (1 − p_i)·C_i + p_i·B_i
 *     changing shares             −C_i  ≤  G_i(T) − D_i  ≤  max(C_i, B_i)
 *
 * so nobody is ever further away than the largest item. Left: only a choice lowers G_i(T) − D_i; it was ≥ 0 then, falls by c and
 * rises by what flows into i meanwhile (p_i·c where shares are constant). Right: let item J of source i, of cost c, with deadline F, start
 * at time T, and let t be the last time before at which an item with a later deadline was started, of cost b (if none: t = b = 0). At
 * t nothing with a deadline ≤ F was eligible, so all that was delivered between t + b and the end of J flows after t and by F: it is at
 * most Σ G_j(F) − G_j(t) = F − t in all. J therefore ends by F + b, and b belongs to another source, whose items alone can be due later
 * than J and yet chosen before it. So T ≤ F + b − c, and from G_i(F) = D_i + c follows G_i(T) − D_i ≤ c + p·(b − c), where p is a mean of
 * p_i between F and F + b − c: the constant one, or some number from 0 to 1. An item that is never due (F infinite, the share of its source
 * falls to 0) has G_i(T) − D_i < c at all T.
 *
 * With unit costs this is the chairman assignment problem (R. Tijdeman, 1980); with unequal costs, worst-case fair weighted fair
 * queueing (J. Bennett and H. Zhang, 1996), all queues always full; changing shares take the place of the constant rates without harm,
 * for nothing above needs more of G_i than that it does not fall.
 *
 * When a source ends for good, targets go on among the remaining ones: with constant shares p and T are taken over them from the
 * beginning, as they were in proportion all along; with a schedule, from the targets of that moment (`scheduled-shares.ts`). The same
 * argument from then on, where they are ahead by A = Σ max(0, D_j − G_j(T)) in all, gives the law with max(A, max C_j) in the place
 * of max C_j.
 */

/** What a policy sees of a source. */
export interface Contender {
  readonly weight: number;
  readonly delivered: number;
  readonly head: { readonly cost: number } | undefined;
}

/** Room for rounding, so that of sources that are all exactly on target none is late by a last bit. */
const slack = 1 + 2 ** -40;

/** The eligible among the active sources: never none. */
export function eligible<S extends Contender>(active: readonly S[]): S[] {
  let total = 0;
  let weights = 0;
  for (const { delivered, weight } of active) {
    total += delivered;
    weights += weight;
  }
  return active.filter(({ delivered, weight }) => delivered * weights <= weight * total * slack);
}

/** The source whose next item has the earliest deadline; the first of the list where two are equal. */
export function earliestDeadline<S extends Contender>(due: readonly S[]): S {
  let chosen = due[0]!;
  let earliest = Number.POSITIVE_INFINITY;
  for (const contender of due) {
    const deadline = (contender.delivered + contender.head!.cost) / contender.weight;
    if (deadline < earliest) {
      chosen = contender;
      earliest = deadline;
    }
  }
  return chosen;
}
