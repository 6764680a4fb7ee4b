/** Whose picture an item is shown under the condition `wrong-image`. */
import { EvalsError } from '../errors.ts';
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
 * longer one would lead back into it.
 * @param seed same seed, same pairs
 * @returns per item (in order) the index of the item whose picture it gets
 * @throws EvalsError NO_OTHER_IMAGE for a single item
 */
export function wrongImages(items: readonly VisionItem[], seed: string | number): number[] {
  if (items.length < 2)
    throw new EvalsError(
      'NO_OTHER_IMAGE',
      `The condition wrong-image needs at least two items of a task, got ${items.length}; leave the condition out.`,
    );
  const groups = new Map<string, number[]>();
  items.forEach(({ task, split, type }, i) => {
    const key = JSON.stringify([task, split, type]);
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  const lonely = [...groups.values()].filter((group) => group.length === 1).flat();
  const large = [...groups].filter(([, group]) => group.length > 1);
  const chosen = new Array<number>(items.length);
  const sets = large.map(([key, group]) => ({ key, group }));
  if (lonely.length === 1) sets[0]!.group.push(lonely[0]!);
  else if (lonely.length > 1) sets.push({ key: 'alone with their type', group: lonely });
  for (const { key, group } of sets) {
    const random = createRandom(`${seed}/wrong-image/${key}`);
    const truths = new Map(group.map((i) => [i, truthKey(items[i]!.target)]));
    const byTruth = new Map<string, number[]>();
    for (const i of random.shuffle(group)) byTruth.set(truths.get(i)!, [...(byTruth.get(truths.get(i)!) ?? []), i]);
    const order = random.shuffle([...byTruth.values()]).flat();
    const largest = Math.max(...[...byTruth.values()].map((same) => same.length));
    const shift = largest % order.length || 1;
    order.forEach((i, at) => {
      chosen[i] = order[(at + shift) % order.length]!;
    });
  }
  return chosen;
}
