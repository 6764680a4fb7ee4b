/** Whose picture an item is shown under the condition `wrong-image`. */
import { EvalsError } from '../errors.ts';
import { groupBy } from '../group-by.ts';
import { createRandom } from '../random.ts';
import { fixedAnswer } from '../scoring/vqa-normalise.ts';
import type { VisionItem, VisionTarget } from '../types.ts';

/** Two items with the same key have the same truth. */
function truthKey(target: VisionTarget): string {
  switch (target.kind) {
    case 'answers':
      return JSON.stringify([...new Set(target.answers.map(fixedAnswer))].sort());
    case 'yes-no':
      return target.answer;
    case 'choice':
      return target.options[target.answer]!;
    case 'box':
      return JSON.stringify(target.box);
    case 'caption':
      return JSON.stringify([...new Set(target.objects)].sort());
  }
}

/**
 * A derangement within each task, split and question type: every item's picture is shown with exactly one other item, and as few items as
 * possible see a picture whose own truth is the same as theirs. Items that are alone with their type trade places with the rest of the task.
 *
 * How: shuffle, sort by truth, and shift by the size of the largest group of equal truths; no shorter shift leads out of that group, and a
 * longer one would lead back into it. Then who would see the own picture with another question trades with the next who may: with one of the same
 * type if there is one.
 * @param seed same seed, same pairs
 * @param pictures per item what tells its picture apart; each its own where absent
 * @returns per item (in order) the index of the item whose picture it gets; some twice where more than half of the items share one picture
 * @throws EvalsError NO_OTHER_IMAGE for a single item or a single picture
 */
export function wrongImages(
  items: readonly VisionItem[],
  seed: string | number,
  pictures?: readonly (string | undefined)[],
): number[] {
  if (items.length < 2)
    throw new EvalsError(
      'NO_OTHER_IMAGE',
      `The condition wrong-image needs at least two items of a task, got ${items.length}; leave the condition out.`,
    );
  const groups = groupBy(items.keys(), (i) => JSON.stringify([items[i]!.task, items[i]!.split, items[i]!.type]));
  const lonely = [...groups.values()].filter((group) => group.length === 1).flat();
  const large = [...groups].filter(([, group]) => group.length > 1);
  const chosen = new Array<number>(items.length);
  const sets = large.map(([key, group]) => ({ key, group }));
  if (lonely.length === 1) sets[0]!.group.push(lonely[0]!);
  else if (lonely.length > 1) sets.push({ key: 'alone with their type', group: lonely });
  const orders: number[][] = [];
  for (const { key, group } of sets) {
    const random = createRandom(`${seed}/wrong-image/${key}`);
    const truths = new Map(group.map((i) => [i, truthKey(items[i]!.target)]));
    const byTruth = groupBy(random.shuffle(group), (i) => truths.get(i)!);
    const order = random.shuffle([...byTruth.values()]).flat();
    const largest = Math.max(...[...byTruth.values()].map((same) => same.length));
    const shift = largest % order.length || 1;
    order.forEach((i, at) => {
      chosen[i] = order[(at + shift) % order.length]!;
    });
    orders.push(order);
  }
  if (pictures?.some((picture) => picture !== undefined)) tradeOwnPictures(chosen, orders, items, pictures);
  return chosen;
}

/** Who trades so that also the truths differ is looked for among so many. */
const choosyTrades = 1000;

/**
 * Of n items of which m share a picture at most 2m − 1 cannot trade with one of them, so that 2m ≤ n is enough, and no trade makes another worse.
 * Where one picture has more, the rest of its items see others again.
 */
function tradeOwnPictures(
  chosen: number[],
  orders: readonly number[][],
  items: readonly VisionItem[],
  pictures: readonly (string | undefined)[],
): void {
  const isOwn = (i: number, other: number): boolean =>
    i === other || (pictures[i] !== undefined && pictures[i] === pictures[other]);
  const isSameTruth = (i: number, other: number): boolean =>
    truthKey(items[i]!.target) === truthKey(items[other]!.target);
  const all = orders.flat();
  for (const order of orders) {
    order.forEach((i, at) => {
      if (!isOwn(i, chosen[i]!)) return;
      const mayTrade = (j: number): boolean => !isOwn(i, chosen[j]!) && !isOwn(j, chosen[i]!);
      const after = (steps: number): number => order[(at + steps) % order.length]!;
      let j: number | undefined;
      for (let steps = 1; steps < Math.min(order.length, choosyTrades) && j === undefined; steps++) {
        const other = after(steps);
        if (mayTrade(other) && !isSameTruth(i, chosen[other]!) && !isSameTruth(other, chosen[i]!)) j = other;
      }
      for (let steps = 1; steps < order.length && j === undefined; steps++)
        if (mayTrade(after(steps))) j = after(steps);
      j ??= all.find(mayTrade);
      if (j === undefined) {
        const others = all.filter((other) => !isOwn(i, other));
        if (others.length === 0)
          throw new EvalsError(
            'NO_OTHER_IMAGE',
            `The condition wrong-image needs another picture, but all ${items.length} items of ${items[i]!.task} are about "${pictures[i]}"; leave the condition out.`,
          );
        chosen[i] = others[at % others.length]!;
        return;
      }
      [chosen[i], chosen[j]] = [chosen[j]!, chosen[i]!];
    });
  }
}
