/** Benchmarks of boxes: RefCOCO, RefCOCO+ and RefCOCOg together, and OCID-Ref. */
import { EvalsError } from '../errors.ts';
import { boxFromXywh } from '../scoring/box-iou.ts';
import { paperPrompts } from '../tasks/vision-tasks.ts';
import type { Box } from '../types.ts';
import {
  accuracy,
  type Benchmark,
  type BenchmarkFiles,
  type BenchmarkItem,
  bytesOf,
  field,
  list,
  ofSplit,
  textOf,
} from './benchmark.ts';
import { orderedEntries, parseJson } from './ordered-json.ts';
import { type Plain, readPickle } from './pickle.ts';

const referSets = [
  { split: 'RefCOCO', folder: 'refcoco', refs: 'refcoco/refs(unc).p' },
  { split: 'RefCOCO+', folder: 'refcoco+', refs: 'refcoco+/refs(unc).p' },
  { split: 'RefCOCOg', folder: 'refcocog', refs: 'refcocog/refs(umd).p' },
] as const;

/** The three validation sets. Boxes are shares of the whole picture, two digits; the model may see it letterboxed. */
export const refCoco: Benchmark = {
  name: 'refcoco',
  files: referSets.flatMap(({ folder, refs }) => [refs, `${folder}/instances.json`]),
  counts: { all: 26_488 },
  slimPer: 'split',
  scoring: { iou: 0.5 },
  prompt: ({ question }) => paperPrompts.box(question),
  read: (files) => referSets.flatMap((set) => readRefer(files, set)),
  metrics: (rows) =>
    Object.fromEntries(referSets.map(({ split }) => [`accuracy__${split}`, accuracy(ofSplit(rows, split))])),
  stableMetric: 'accuracy__RefCOCO',
};

function readRefer(
  files: BenchmarkFiles,
  { split, folder, refs: refsFile }: (typeof referSets)[number],
): BenchmarkItem[] {
  const instancesFile = `${folder}/instances.json`;
  const instances = parseJson(textOf(files, instancesFile), instancesFile);
  const sizes = new Map(
    list(instances, 'images', instancesFile).map((image) => [
      field(image, 'id', 'number', instancesFile),
      [field(image, 'width', 'number', instancesFile), field(image, 'height', 'number', instancesFile)] as const,
    ]),
  );
  const boxes = new Map(
    list(instances, 'annotations', instancesFile).map((annotation) => [
      field(annotation, 'id', 'number', instancesFile),
      list(annotation, 'bbox', instancesFile) as unknown as Box,
    ]),
  );
  const refs = readPickle(bytesOf(files, refsFile), refsFile);
  if (!Array.isArray(refs)) throw new EvalsError('BROKEN_FILE', `${refsFile}: expected a list of references.`);
  const found = refs.map(dictionary).filter((ref) => ref['split'] === 'val');
  return found.flatMap((ref) => {
    const [refId, imageId, boxId] = ['ref_id', 'image_id', 'ann_id'].map((name) =>
      field(ref, name, 'number', refsFile),
    );
    const [box, size] = [boxes.get(boxId!), sizes.get(imageId!)];
    if (!box || !size)
      throw new EvalsError(
        'BROKEN_FILE',
        `${instancesFile}: expected the box ${boxId} in the image ${imageId} of ${refsFile}; are both files of one release?`,
      );
    return list(ref, 'sentences', refsFile).map((one): BenchmarkItem => {
      const sentence = dictionary(one as Plain);
      return {
        id: `${split}-${refId}-${field(sentence, 'sent_id', 'number', refsFile)}`,
        task: 'refcoco',
        split,
        type: split,
        question: field(sentence, 'sent', 'string', refsFile),
        target: { kind: 'box', box: boxFromXywh(box, size) },
        image: `COCO_train2014_${String(imageId).padStart(12, '0')}.jpg`,
      };
    });
  });
}

const dictionary = (value: Plain): Record<string, Plain> =>
  value instanceof Map ? Object.fromEntries([...value].map(([key, one]) => [String(key), one])) : {};

const ocidFile = 'val_expressions.json';
const ocidSize: readonly [number, number] = [640, 480];

/** Objects on a table that fills up, take by take: the splits are upstream's three levels of clutter. */
export const ocidRef: Benchmark = {
  name: 'ocid-ref',
  files: [ocidFile],
  counts: { all: 18_342 },
  slimPer: 'split',
  scoring: { iou: 0.25 },
  prompt: ({ question }) => paperPrompts.box(question),
  read: (files) =>
    orderedEntries(textOf(files, ocidFile), ocidFile).map(([id, example]): BenchmarkItem => {
      const where = `${ocidFile}, example ${id}`;
      const corners = parseJson(field(example, 'bbox', 'string', where), where) as Box;
      const [x1, y1, x2, y2] = corners;
      const split = clutter(field(example, 'take_id', 'number', where), where);
      return {
        id,
        task: 'ocid-ref',
        split,
        type: split,
        question: field(example, 'sentence', 'string', where),
        target: { kind: 'box', box: boxFromXywh([x1, y1, x2 - x1, y2 - y1], ocidSize) },
        image: field(example, 'scene_path', 'string', where),
      };
    }),
  metrics: (rows) => ({
    ...Object.fromEntries(
      ['Minimum', 'Medium', 'Maximum'].map((level) => [
        `accuracy__OCIDRef-${level}`,
        accuracy(ofSplit(rows, `${level} Clutter`)),
      ]),
    ),
    'accuracy__OCIDRef-All': accuracy(rows),
  }),
  stableMetric: 'accuracy__OCIDRef-All',
};

/** Takes 0 to 9: objects apart; to 16: touching; to 20: stacked. */
function clutter(take: number, where: string): string {
  if (!Number.isInteger(take) || take < 0 || take > 20)
    throw new EvalsError('BROKEN_FILE', `${where}: expected a take_id from 0 to 20, got ${take}.`);
  return take <= 9 ? 'Minimum Clutter' : take <= 16 ? 'Medium Clutter' : 'Maximum Clutter';
}
