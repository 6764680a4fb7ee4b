/** From what was said to scores, for each kind of target. */

import { groupBy } from '../group-by.ts';
import { anls } from '../scoring/anls.ts';
import { bleu } from '../scoring/bleu.ts';
import { boxIou } from '../scoring/box-iou.ts';
import { captionWords } from '../scoring/caption-words.ts';
import { ciderD } from '../scoring/cider-d.ts';
import { objectFinder, objectScores } from '../scoring/object-f1.ts';
import { parseBox } from '../scoring/parse-box.ts';
import { rougeL } from '../scoring/rouge-l.ts';
import { fixedAnswer } from '../scoring/vqa-normalise.ts';
import { parseYesNo } from '../scoring/yes-no.ts';
import type { ScoringMode, VisionItem, VisionTarget } from '../types.ts';
import { answerRule } from './answer-rules.ts';

export interface Scored {
  score: number;
  scores?: Record<string, number>;
}

/** How texts become scores, where a benchmark differs from the default. */
export interface Scoring {
  /** Default `fixed`. The rules of a benchmark (`vqa-v2` with ten answers, `gqa`, `text-vqa`, `vizwiz`, boxes) exist in both. */
  mode?: ScoringMode;
  /** Whose accuracy free answers are given. Default `vqa-v2`. */
  answers?: 'vqa-v2' | 'gqa' | 'text-vqa' | 'vizwiz' | 'anls';
  /** Free answers carry their ANLS beside the accuracy (`scores.anls`): a word that is nearly right counts in part. */
  alsoAnls?: boolean;
  /** Least IoU of a box that counts. Default 0.5; OCID-Ref: 0.25. */
  iou?: number;
  /** The primary score of captions. Default `object-f1`; benchmarks without lists of objects: `cider-d`, which may exceed 1. */
  captions?: 'object-f1' | 'cider-d';
  /** Every name that counts as an object in captions. Default: the objects of all items. */
  objectVocabulary?: readonly string[];
}

type Target<Kind extends VisionTarget['kind']> = Extract<VisionTarget, { kind: Kind }>;

/**
 * Scores texts as answers to items of one kind. Captions need the whole set at once: their rare words are counted over it.
 * @param items checked, all of one kind; of kind `choice` only the text of an option counts
 * @param outputs one text per item
 */
export function scoreOutputs(items: readonly VisionItem[], outputs: readonly string[], scoring: Scoring): Scored[] {
  const targets = items.map(({ target }) => target);
  if (targets[0]?.kind === 'caption') return scoreCaptions(targets as Target<'caption'>[], outputs, scoring);
  return targets.map((target, i) => {
    const text = outputs[i]!;
    switch (target.kind) {
      case 'answers':
        return {
          score: answerScore(text, target.answers, scoring),
          ...(scoring.alsoAnls ? { scores: { anls: anls(text, target.answers) } } : {}),
        };
      case 'yes-no':
        return { score: parseYesNo(text) === target.answer ? 1 : 0 };
      case 'choice':
        return { score: text === target.options[target.answer] ? 1 : 0 };
      default:
        return scoreBox(target as Target<'box'>, text, scoring);
    }
  });
}

/** The accuracy of one free answer, 0 to 1. */
export function answerScore(text: string, answers: readonly string[], scoring: Scoring): number {
  const rule = answerRule(scoring);
  return rule ? rule.worth(rule.said(text), answers.map(rule.truth)) : anls(text, answers);
}

/** The references parse the text as it is; `fixed` allows white space around the box. */
function scoreBox(target: Target<'box'>, text: string, { mode = 'fixed', iou: least = 0.5 }: Scoring): Scored {
  const box = parseBox(mode === 'official' ? text : text.trim());
  const iou = box ? boxIou(box, target.box) : 0;
  return { score: iou >= least ? 1 : 0, scores: { iou, iou25: iou >= 0.25 ? 1 : 0, valid: box ? 1 : 0 } };
}

function scoreCaptions(targets: Target<'caption'>[], outputs: readonly string[], scoring: Scoring): Scored[] {
  const find = objectFinder(scoring.objectVocabulary ?? targets.flatMap(({ objects }) => objects));
  const said = outputs.map(captionWords);
  const references = targets.map((target) => target.references.map(captionWords));
  const cider = ciderD(said, references).perImage;
  const bleus = bleu(said, references).perImage;
  const rouge = rougeL(said, references).perImage;
  return targets.map((target, i) => {
    const others = { ciderD: cider[i]!, bleu4: bleus[i]![3], rougeL: rouge[i]! };
    if (scoring.captions === 'cider-d') return { score: cider[i]!, scores: others };
    const { precision, recall, f1 } = objectScores(find(outputs[i]!), target.objects);
    return { score: f1, scores: { objectPrecision: precision, objectRecall: recall, ...others } };
  });
}

/** The truth in words; where annotators disagree what most of them say, the first of equals. */
export function expectedText(target: VisionTarget): string {
  switch (target.kind) {
    case 'answers':
      return [...groupBy(target.answers, fixedAnswer).values()].reduce((most, same) =>
        same.length > most.length ? same : most,
      )[0]!;
    case 'yes-no':
      return target.answer;
    case 'choice':
      return target.options[target.answer]!;
    case 'box':
      return boxText(target.box);
    case 'caption':
      return target.references[0]!;
  }
}

/** `[x1, y1, x2, y2]` with two digits. */
export function boxText(box: readonly number[]): string {
  return `[${box.map((value) => value.toFixed(2)).join(', ')}]`;
}
