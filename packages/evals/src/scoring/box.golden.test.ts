import { describe, expect, it } from 'vitest';
import { close, failures, goldenCases } from '../testing/golden.ts';
import type { Box } from '../types.ts';
import { boxFromXywh, boxIou } from './box-iou.ts';
import { parseBox } from './parse-box.ts';

describe('boxes', () => {
  it('parses as ast.literal_eval and the scorers’ test do', () => {
    const cases = goldenCases<{ text: string }, { box?: (number | boolean)[] | null }>('box_parse');
    // A text too deep for CPython's stack, which its scorer does not survive, is no box here.
    const text = (box: unknown): string => JSON.stringify(Array.isArray(box) ? box.map((v) => Number(v) + 0) : null);
    expect(
      failures(
        cases,
        (input) => text(parseBox(input.text)),
        (value) => text(value.box),
      ),
    ).toEqual([]);
  });

  it('computes IoU to the bit, boundaries included', () => {
    const cases = goldenCases<{ pred: Box; gt: Box }, { iou: number; refcoco_correct: boolean; ocid_correct: boolean }>(
      'box_iou',
    );
    expect(
      failures(
        cases,
        ({ pred, gt }) => boxIou(pred, gt),
        (value) => value.iou,
      ),
    ).toEqual([]);
    expect(
      failures(
        cases,
        ({ pred, gt }) => boxIou(pred, gt) >= 0.5,
        (value) => value.refcoco_correct,
      ),
    ).toEqual([]);
    expect(
      failures(
        cases,
        ({ pred, gt }) => boxIou(pred, gt) >= 0.25,
        (value) => value.ocid_correct,
      ),
    ).toEqual([]);
  });

  it('turns pixels into shares with Python’s rounding', () => {
    const cases = goldenCases<{ xywh: Box; image_wh: [number, number] }, { xyxy?: number[] }>('box_xywh2xyxy');
    const wrong = cases.filter(({ expected }) => !expected.xyxy);
    for (const { input } of wrong)
      expect(() => boxFromXywh(input.xywh, input.image_wh)).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
    expect(
      failures(
        cases.filter(({ expected }) => expected.xyxy),
        ({ xywh, image_wh }) => JSON.stringify(boxFromXywh(xywh, image_wh)),
        (value) => JSON.stringify(value.xyxy),
      ),
    ).toEqual([]);
  });

  it('scores sets of RefCOCO and OCID-Ref examples', () => {
    interface Example {
      model_output: string;
      ground_truth_bbox: Box;
      refer_dataset: string;
      clutter_split: string;
    }
    type Scores = Record<string, number>;
    const cases = goldenCases<{ examples: Example[] }, { refcoco: Scores; ocid: Scores }>('box_corpus').filter(
      ({ kind }) => kind !== 'missing-split', // a division by zero there; nothing to average here
    );
    expect(cases.length).toBeGreaterThan(0);
    const share = (examples: Example[], threshold: number): number =>
      examples.filter(({ model_output, ground_truth_bbox }) => {
        const box = parseBox(model_output);
        return box !== undefined && boxIou(box, ground_truth_bbox) >= threshold;
      }).length / examples.length;
    for (const { input, expected } of cases) {
      for (const [name, value] of Object.entries(expected.refcoco)) {
        const own = input.examples.filter(({ refer_dataset }) => `accuracy__${refer_dataset}` === name);
        expect(close(share(own, 0.5), value), name).toBe(true);
      }
      for (const [name, value] of Object.entries(expected.ocid)) {
        const split = name.replace('accuracy__OCIDRef-', '');
        const own = input.examples.filter(({ clutter_split }) => split === 'All' || clutter_split.startsWith(split));
        expect(close(share(own, 0.25), value), name).toBe(true);
      }
    }
  });
});
