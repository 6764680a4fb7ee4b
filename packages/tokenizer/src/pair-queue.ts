/** A pair of neighbouring tokens with the count it had when it was queued. */
export interface QueuedPair {
  count: number;
  left: number;
  right: number;
}

/** True where `a` goes first: higher count, then lower left id, then lower right id. */
function before(a: QueuedPair, b: QueuedPair): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}

/** A binary heap of pairs, most frequent first, in one order for all machines. */
export class PairQueue {
  private readonly items: QueuedPair[] = [];

  push(pair: QueuedPair): void {
    const { items } = this;
    let at = items.length;
    items.push(pair);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(pair, items[parent]!)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = pair;
  }

  pop(): QueuedPair | undefined {
    const { items } = this;
    const top = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
