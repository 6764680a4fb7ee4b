/** From what was said to scores, for each kind of target. */

import { bleu } from '../scoring/bleu.ts';
import { boxIou } from '../scoring/box-iou.ts';
import { captionWords } from '../scoring/caption-words.ts';
import { ciderD } from '../scoring/cider-d.ts';
import { objectFinder, objectScores } from '../scoring/object-f1.ts';
import { parseBox } from '../scoring/parse-box.ts';
import { rougeL } from '../scoring/rouge-l.ts';
import { type VqaMode, vqaAccuracy } from '../scoring/vqa-accuracy.ts';
import { parseYesNo } from '../scoring/yes-no.ts';
import type { VisionItem, VisionTarget } from '../types.ts';

export interface Scored {
  score: number;
  scores?: Record<string, number>;
}

export interface ScoreOptions {
  vqaMode?: VqaMode;
  /** Every name that counts as an object in captions. Default: the objects of all items. */
  objectVocabulary?: readonly string[];
}

type Target<Kind extends VisionTarget['kind']> = Extract<VisionTarget, { kind: Kind }>;

/**
 * Scores texts as answers to items of one kind. Captions need the whole set at once: their rare words are counted over it.
 * @param items checked, all of one kind
 * @param outputs one text per item
 */
export function scoreOutputs(
  items: readonly VisionItem[],
  outputs: readonly string[],
  options: ScoreOptions,
): Scored[] {
  const targets = items.map(({ target }) => target);
  if (targets[0]?.kind === 'caption') return scoreCaptions(targets as Target<'caption'>[], outputs, options);
  return targets.map((target, i) => {
    const text = outputs[i]!;
    if (target.kind === 'answers')
      return { score: vqaAccuracy(text, target.answers, options.vqaMode ? { mode: options.vqaMode } : {}) };
    if (target.kind === 'yes-no') return { score: parseYesNo(text) === target.answer ? 1 : 0 };
    return scoreBox(target as Target<'box'>, text);
  });
}

function scoreBox(target: Target<'box'>, text: string): Scored {
  const box = parseBox(text.trim());
  const iou = box ? boxIou(box, target.box) : 0;
  return { score: iou >= 0.5 ? 1 : 0, scores: { iou, iou25: iou >= 0.25 ? 1 : 0, valid: box ? 1 : 0 } };
}

function scoreCaptions(targets: Target<'caption'>[], outputs: readonly string[], options: ScoreOptions): Scored[] {
  const find = objectFinder(options.objectVocabulary ?? targets.flatMap(({ objects }) => objects));
  const said = outputs.map(captionWords);
  const references = targets.map((target) => target.references.map(captionWords));
  const cider = ciderD(said, references).perImage;
  const bleus = bleu(said, references).perImage;
  const rouge = rougeL(said, references).perImage;
  return targets.map((target, i) => {
    const { precision, recall, f1 } = objectScores(find(outputs[i]!), target.objects);
    return {
      score: f1,
      scores: {
        objectPrecision: precision,
        objectRecall: recall,
        ciderD: cider[i]!,
        bleu4: bleus[i]![3],
        rougeL: rouge[i]!,
      },
    };
  });
}

/** The truth in words. */
export function expectedText(target: VisionTarget): string {
  switch (target.kind) {
    case 'answers':
      return target.answers[0]!;
    case 'yes-no':
      return target.answer;
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
