/** POPE as the paper's evaluation scores it (vlm-evaluation `pope.py`). */
import { EvalsError } from '../errors.ts';
import { areaUnderRoc, averagePrecision } from './curves.ts';
import { type YesNoMetrics, yesNoMetrics } from './yes-no.ts';

export const popeSplits = ['adversarial', 'popular', 'random'] as const;
export type PopeSplit = (typeof popeSplits)[number];

export interface PopeExample {
  split: PopeSplit;
  /** Probabilities (or anything that grows with them) of yes and no at the first token. */
  yes: number;
  no: number;
  label: 'yes' | 'no';
}

export interface PopeScore {
  /** Unweighted mean of the three splits' accuracies. */
  accuracy: number;
  /** Over all examples, ranked by `yes`. */
  aucRoc: number;
  aucPr: number;
  bySplit: Record<PopeSplit, YesNoMetrics & { aucRoc: number; aucPr: number }>;
}

/**
 * The likelier of yes and no is the answer; a tie is a yes. Precision, recall, F1 and the share of yes, which POPE's authors report and the
 * reference leaves out, stand beside.
 * @throws EvalsError MISSING_SPLIT (the reference divides by zero), INVALID_ITEM for labels that are not `yes` or `no` and for numbers that are none
 */
export function popeScore(examples: readonly PopeExample[]): PopeScore {
  for (const { split, label, yes, no } of examples) {
    if (label !== 'yes' && label !== 'no')
      throw new EvalsError('INVALID_ITEM', `POPE: expected the label "yes" or "no", got ${JSON.stringify(label)}.`);
    if (!popeSplits.includes(split))
      throw new EvalsError(
        'INVALID_ITEM',
        `POPE: expected a split of ${popeSplits.join(', ')}, got ${JSON.stringify(split)}.`,
      );
    if (Number.isNaN(yes) || Number.isNaN(no))
      throw new EvalsError('INVALID_ITEM', `POPE: expected two probabilities, got ${yes} and ${no}.`);
  }
  const curves = (own: readonly PopeExample[]): { aucRoc: number; aucPr: number } => {
    const [scores, truths] = [own.map(({ yes }) => yes), own.map(({ label }) => label === 'yes')];
    return { aucRoc: areaUnderRoc(scores, truths), aucPr: averagePrecision(scores, truths) };
  };
  const bySplit = Object.fromEntries(
    popeSplits.map((split) => {
      const own = examples.filter((example) => example.split === split);
      if (own.length === 0)
        throw new EvalsError(
          'MISSING_SPLIT',
          `POPE: no example of the split ${split}; the score is the mean over all three.`,
        );
      const said = own.map(({ yes, no, label }) => ({
        said: yes >= no ? ('yes' as const) : ('no' as const),
        truth: label,
      }));
      return [split, { ...yesNoMetrics(said), ...curves(own) }];
    }),
  ) as PopeScore['bySplit'];
  const accuracy = popeSplits.reduce((sum, split) => sum + bySplit[split].accuracy, 0) / popeSplits.length;
  return { accuracy, ...curves(examples), bySplit };
}
