/** Boxes of RefCOCO and OCID-Ref (vlm-evaluation), captions as pycocoevalcap scores them. */
import { bleu } from '../scoring/bleu.ts';
import { boxFromXywh, boxIou } from '../scoring/box-iou.ts';
import { ciderD } from '../scoring/cider-d.ts';
import { parseBox } from '../scoring/parse-box.ts';
import { rougeL } from '../scoring/rouge-l.ts';
import type { Box } from '../types.ts';
import { type AgreementCheck, check, refused } from './agreement-check.ts';

interface BoxExample {
  model_output: string;
  ground_truth_bbox: Box;
  refer_dataset: string;
  clutter_split: string;
}
type Scores = Record<string, number>;

function shareFound(examples: readonly BoxExample[], leastIou: number): number {
  const found = examples.filter(({ model_output, ground_truth_bbox }) => {
    const box = parseBox(model_output);
    return box !== undefined && boxIou(box, ground_truth_bbox) >= leastIou;
  });
  return found.length / examples.length;
}

/** The share found of the examples that a name of the reference stands for. */
function shares(
  names: readonly string[],
  examples: readonly BoxExample[],
  belongs: (name: string, one: BoxExample) => boolean,
  leastIou: number,
): Scores {
  return Object.fromEntries(
    names.map((name) => [
      name,
      shareFound(
        examples.filter((one) => belongs(name, one)),
        leastIou,
      ),
    ]),
  );
}

/** Python's True and False are the numbers 1 and 0. */
const numbers = (box: readonly (number | boolean)[] | null | undefined): number[] | null => box?.map(Number) ?? null;

export const boxChecks: readonly AgreementCheck[] = [
  check<{ text: string }, { box?: (number | boolean)[] | null }>({
    metric: 'Boxes: what counts as one',
    file: 'box_parse',
    got: ({ text }) => numbers(parseBox(text)),
    // A text too deep for CPython's stack, which its scorer does not survive, is no box here.
    expected: ({ box }) => numbers(box),
  }),
  check<{ pred: Box; gt: Box }, { iou: number; refcoco_correct: boolean; ocid_correct: boolean }>({
    metric: 'Boxes: IoU, at least 0.5 and 0.25',
    file: 'box_iou',
    got: ({ pred, gt }) => [boxIou(pred, gt), boxIou(pred, gt) >= 0.5, boxIou(pred, gt) >= 0.25],
    expected: (value) => [value.iou, value.refcoco_correct, value.ocid_correct],
  }),
  check<{ xywh: Box; image_wh: [number, number] }, { xyxy?: number[] }>({
    metric: 'Boxes: from pixels to shares',
    file: 'box_xywh2xyxy',
    got: ({ xywh, image_wh }) => [...boxFromXywh(xywh, image_wh)],
    expected: ({ xyxy }) => xyxy ?? refused,
  }),
  check<{ examples: BoxExample[] }, { refcoco: Scores; ocid: Scores }>({
    metric: 'RefCOCO and OCID-Ref: sets by split',
    file: 'box_corpus',
    precision: '1e-12',
    got: ({ examples }, { expected }) => [
      shares(
        Object.keys(expected.refcoco),
        examples,
        (name, { refer_dataset }) => `accuracy__${refer_dataset}` === name,
        0.5,
      ),
      shares(
        Object.keys(expected.ocid),
        examples,
        (name, { clutter_split }) =>
          name === 'accuracy__OCIDRef-All' || clutter_split.startsWith(name.replace('accuracy__OCIDRef-', '')),
        0.25,
      ),
    ],
    expected: ({ refcoco, ocid }) => [refcoco, ocid],
    leftOut: {
      why: 'the reference divides by zero where a split is missing',
      is: ({ kind }) => kind === 'missing-split',
    },
  }),
];

export const captionChecks: readonly AgreementCheck[] = [
  check<
    { references: string[][]; hypotheses: string[] },
    {
      cider: { corpus: number; per_image: number[] };
      bleu: { corpus_1_to_4: number[]; per_image_1_to_4: number[][] };
      rouge_l: { corpus: number; per_image: number[] };
    }
  >({
    metric: 'Captions: CIDEr-D, BLEU-1 to 4, ROUGE-L, per image and set',
    file: 'caption_metrics',
    precision: '1e-12',
    got({ hypotheses, references }) {
      const cider = ciderD(hypotheses, references);
      const blue = bleu(hypotheses, references);
      const rouge = rougeL(hypotheses, references);
      return [cider.score, cider.perImage, blue.corpus, blue.perImage, rouge.score, rouge.perImage];
    },
    expected: ({ cider, bleu: blue, rouge_l }) => [
      cider.corpus,
      cider.per_image,
      blue.corpus_1_to_4,
      blue.per_image_1_to_4,
      rouge_l.corpus,
      rouge_l.per_image,
    ],
  }),
];
