/** What an answer is worth that no picture was needed for: the best constant answer, and a random one. */
import { groupBy } from '../group-by.ts';
import { boxIou } from '../scoring/box-iou.ts';
import { captionWords } from '../scoring/caption-words.ts';
import { ciderD } from '../scoring/cider-d.ts';
import { objectFinder, objectScores } from '../scoring/object-f1.ts';
import { fixedAnswer } from '../scoring/vqa-normalise.ts';
import type { Box, VisionItem, VisionTarget } from '../types.ts';
import { type AnswerRule, answerRule, onceEach, remembering } from './answer-rules.ts';
import { answerScore, boxText, type Scoring } from './score-outputs.ts';

type Target<Kind extends VisionTarget['kind']> = Extract<VisionTarget, { kind: Kind }>;

/** More candidates than this do not make a better constant. */
const maxCandidates = 200;
const maxCaptions = 50;

/**
 * The constant answer that scores best on these targets: the answer that earns most (under ANLS: that of most items), the box that meets most boxes at the IoU that counts, the caption
 * whose objects score best. Ties go to the first in code-unit order (answers, yes before no) or in the order given.
 * @param targets all of one kind
 */
export function majorityAnswer(targets: readonly VisionTarget[], scoring: Scoring = {}): string {
  switch (targets[0]!.kind) {
    case 'answers':
      return bestAnswer(targets as Target<'answers'>[], scoring);
    case 'yes-no':
      return (targets as Target<'yes-no'>[]).filter(({ answer }) => answer === 'yes').length * 2 >= targets.length
        ? 'yes'
        : 'no';
    case 'choice':
      return mostFrequentOption(targets as Target<'choice'>[]);
    case 'box':
      return bestBox(
        (targets as Target<'box'>[]).map(({ box }) => box),
        scoring.iou,
      );
    case 'caption': {
      const captions = targets as Target<'caption'>[];
      return captions.every(({ objects }) => objects.length > 0) ? bestCaption(captions) : likestCaption(captions);
    }
  }
}

/** ANLS, which has no rule of equality, is worth trying on every item only for few; there the answers count that are alike. */
const alike: AnswerRule = { said: fixedAnswer, truth: fixedAnswer, worth: () => 1 };

function bestAnswer(targets: readonly Target<'answers'>[], scoring: Scoring): string {
  const { said, truth, worth } = remembering(answerRule(scoring) ?? alike);
  const candidates = new Map<string, string>(); // of those that are alike the first
  const earned = new Map<string, number>();
  for (const { answers } of targets) {
    for (const answer of answers) if (!candidates.has(said(answer))) candidates.set(said(answer), answer);
    const truths = answers.map(truth);
    for (const one of new Set(truths)) earned.set(one, (earned.get(one) ?? 0) + worth(one, truths));
  }
  const earnedBy = (form: string): number => earned.get(form) ?? 0;
  return [...candidates].reduce((best, one) => {
    const lead = earnedBy(one[0]) - earnedBy(best[0]);
    return lead > 0 || (lead === 0 && one[1] < best[1]) ? one : best;
  })[1];
}

/** The first in the order of options among equals. */
function mostFrequentOption(targets: readonly Target<'choice'>[]): string {
  const counts = new Map<string, number>();
  for (const { options } of targets) for (const option of options) counts.set(option, 0);
  for (const { options, answer } of targets) counts.set(options[answer]!, counts.get(options[answer]!)! + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

function spread<T>(items: readonly T[]): T[] {
  const step = Math.max(1, items.length / maxCandidates);
  return Array.from({ length: Math.min(items.length, maxCandidates) }, (_, i) => items[Math.floor(i * step)]!);
}

function bestBox(boxes: readonly Box[], least = 0.5): string {
  const mean = [0, 1, 2, 3].map((k) => boxes.reduce((sum, box) => sum + box[k]!, 0) / boxes.length);
  const [text] = [mean as unknown as Box, ...spread(boxes)].reduce<[string, number]>(
    (best, candidate) => {
      const rounded = candidate.map((value) => Number(value.toFixed(2))) as unknown as Box;
      let worth = 0;
      for (const box of boxes) {
        const iou = boxIou(rounded, box);
        worth += (iou >= least ? 1 : 0) + iou / 1e6; // the mean IoU decides between equals
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

/** Without lists of objects: the caption with the best CIDEr-D, of a few. */
function likestCaption(targets: readonly Target<'caption'>[]): string {
  const judged = spread(targets).map(({ references }) => references.map(captionWords));
  const candidates = spread(targets.flatMap(({ references }) => references)).slice(0, maxCaptions);
  const worth = candidates.map((caption) => {
    const words = captionWords(caption);
    return ciderD(
      judged.map(() => words),
      judged,
    ).score;
  });
  return candidates[worth.indexOf(Math.max(...worth))]!;
}

/**
 * What a guess is expected to score on each item of one question type: a uniformly drawn answer of those that occur, a coin toss, the box or
 * the objects of another item.
 * @param items all of one kind and question type
 */
export function chanceScores(items: readonly VisionItem[], scoring: Scoring = {}): number[] {
  const targets = items.map(({ target }) => target);
  switch (targets[0]!.kind) {
    case 'answers':
      return answerChances(targets as Target<'answers'>[], scoring);
    case 'yes-no':
      return targets.map(() => 0.5);
    case 'choice':
      return (targets as Target<'choice'>[]).map(({ options }) => 1 / options.length);
    case 'box':
      return meanOverOthers(targets as Target<'box'>[], (a, b) =>
        boxIou(b.box, a.box) >= (scoring.iou ?? 0.5) ? 1 : 0,
      );
    case 'caption':
      return meanOverOthers(
        (targets as Target<'caption'>[]).map(({ objects }) => ({ objects, named: new Set(objects) })),
        (a, b) => objectScores(b.named, a.objects).f1,
      );
  }
}

/** Answers that {@link fixedAnswer} takes for the same occur once. */
function answerChances(targets: readonly Target<'answers'>[], scoring: Scoring): number[] {
  const plain = onceEach(fixedAnswer);
  const all = new Map<string, string>();
  for (const { answers } of targets) for (const answer of answers) all.set(plain(answer), answer);
  const drawn = [...all.values()];
  const found = answerRule(scoring);
  const rule = found && remembering(found);
  // Only what equals one of an item's own few answers is worth anything to it; the others need not be tried.
  const places = rule && groupBy(drawn.keys(), (place) => rule.said(drawn[place]!));
  return targets.map(({ answers }) => {
    if (scoring.mode !== 'official' && answers.length === 1) return 1 / drawn.length;
    if (!rule) return drawn.reduce((sum, answer) => sum + answerScore(answer, answers, scoring), 0) / drawn.length;
    const truths = answers.map(rule.truth);
    const own = [...new Set(truths)].flatMap((truth) => places!.get(truth) ?? []).sort((a, b) => a - b);
    return own.reduce((sum, place) => sum + rule.worth(rule.said(drawn[place]!), truths), 0) / drawn.length;
  });
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
