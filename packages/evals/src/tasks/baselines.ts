/** What an answer is worth that no picture was needed for: the best constant answer, and a random one. */
import { boxIou } from '../scoring/box-iou.ts';
import { objectFinder, objectScores } from '../scoring/object-f1.ts';
import { type VqaMode, vqaAccuracy } from '../scoring/vqa-accuracy.ts';
import { fixedAnswer } from '../scoring/vqa-normalise.ts';
import type { Box, VisionItem, VisionTarget } from '../types.ts';
import { boxText } from './score-outputs.ts';

type Target<Kind extends VisionTarget['kind']> = Extract<VisionTarget, { kind: Kind }>;

/** More candidates than this do not make a better constant. */
const maxCandidates = 200;

/**
 * The constant answer that scores best on these targets: the most frequent answer, the box that meets most boxes at IoU ≥ .5, the caption
 * whose objects score best. Ties go to the first in code-unit order (answers, yes before no) or in the order given.
 * @param targets all of one kind
 */
export function majorityAnswer(targets: readonly VisionTarget[]): string {
  switch (targets[0]!.kind) {
    case 'answers':
      return mostFrequent((targets as Target<'answers'>[]).flatMap(({ answers }) => [...new Set(answers)]));
    case 'yes-no':
      return (targets as Target<'yes-no'>[]).filter(({ answer }) => answer === 'yes').length * 2 >= targets.length
        ? 'yes'
        : 'no';
    case 'box':
      return bestBox((targets as Target<'box'>[]).map(({ box }) => box));
    case 'caption':
      return bestCaption(targets as Target<'caption'>[]);
  }
}

function mostFrequent(answers: readonly string[]): string {
  const counts = new Map<string, { count: number; answer: string }>();
  for (const answer of answers) {
    const key = fixedAnswer(answer);
    const known = counts.get(key);
    if (known) known.count++;
    else counts.set(key, { count: 1, answer });
  }
  return [...counts.values()].reduce((best, one) =>
    one.count > best.count || (one.count === best.count && one.answer < best.answer) ? one : best,
  ).answer;
}

function spread<T>(items: readonly T[]): T[] {
  const step = Math.max(1, items.length / maxCandidates);
  return Array.from({ length: Math.min(items.length, maxCandidates) }, (_, i) => items[Math.floor(i * step)]!);
}

function bestBox(boxes: readonly Box[]): string {
  const mean = [0, 1, 2, 3].map((k) => boxes.reduce((sum, box) => sum + box[k]!, 0) / boxes.length);
  const [text] = [mean as unknown as Box, ...spread(boxes)].reduce<[string, number]>(
    (best, candidate) => {
      const rounded = candidate.map((value) => Number(value.toFixed(2))) as unknown as Box;
      let worth = 0;
      for (const box of boxes) {
        const iou = boxIou(rounded, box);
        worth += (iou >= 0.5 ? 1 : 0) + iou / 1e6; // the mean IoU decides between equals
      }
      return worth > best[1] ? [boxText(candidate), worth] : best;
    },
    ['', -1],
  );
  return text;
}

function bestCaption(targets: readonly Target<'caption'>[]): string {
  const find = objectFinder(targets.flatMap(({ objects }) => objects));
  const judged = spread(targets);
  let best: [string, number] = ['', -1];
  for (const caption of spread(targets.flatMap(({ references }) => references))) {
    const named = find(caption);
    let worth = 0;
    for (const { objects } of judged) worth += objectScores(named, objects).f1;
    if (worth > best[1]) best = [caption, worth];
  }
  return best[0];
}

/**
 * What a guess is expected to score on each item of one question type: a uniformly drawn answer of those that occur, a coin toss, the box or
 * the objects of another item.
 * @param items all of one kind and question type
 */
export function chanceScores(items: readonly VisionItem[], vqaMode: VqaMode = 'fixed'): number[] {
  const targets = items.map(({ target }) => target);
  switch (targets[0]!.kind) {
    case 'answers': {
      const own = targets as Target<'answers'>[];
      const all = new Map(
        own.flatMap(({ answers }) => answers.map((answer) => [fixedAnswer(answer), answer] as const)),
      );
      return own.map(({ answers }) => {
        if (vqaMode === 'fixed' && answers.length === 1) return 1 / all.size;
        let sum = 0;
        for (const answer of all.values()) sum += vqaAccuracy(answer, answers, { mode: vqaMode });
        return sum / all.size;
      });
    }
    case 'yes-no':
      return targets.map(() => 0.5);
    case 'box':
      return meanOverOthers(targets as Target<'box'>[], (a, b) => (boxIou(b.box, a.box) >= 0.5 ? 1 : 0));
    case 'caption':
      return meanOverOthers(
        (targets as Target<'caption'>[]).map(({ objects }) => ({ objects, named: new Set(objects) })),
        (a, b) => objectScores(b.named, a.objects).f1,
      );
  }
}

/** At most `maxCandidates` others, evenly spaced. */
function meanOverOthers<T>(items: readonly T[], score: (item: T, other: T) => number): number[] {
  const others = spread(items);
  return items.map((item) => {
    let [sum, n] = [0, 0];
    for (const other of others)
      if (other !== item) {
        sum += score(item, other);
        n++;
      }
    return n === 0 ? 0 : sum / n;
  });
}
