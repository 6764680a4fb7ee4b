/**
 * Tells a loss that stands far above the recent ones. It only reports: what to do (go back, lower the rate, look at the batch) is the
 * user's choice.
 */
import { checkFields, checkNumber } from './check-values.ts';

export interface LossSpikeRule {
  /** How many of the last losses are looked at, at least 16. Default 64. */
  window?: number;
  /** How far above their median, in deviations (1.4826 × median absolute deviation: a normal distribution's σ). Default 8. */
  deviations?: number;
}

/** Least number of losses before anything is called a spike. */
const ENOUGH = 16;

/** @throws TrainerError `bad-option` */
export function checkSpikeRule(rule: LossSpikeRule): void {
  checkFields('Loss spikes', 'the rule', rule, ['window', 'deviations']);
  const { window = ENOUGH, deviations = 0 } = rule;
  checkNumber('Loss spikes', 'window', window, ENOUGH, 'whole');
  checkNumber('Loss spikes', 'deviations', deviations, 0);
}

/**
 * @throws TrainerError `bad-option`
 * @returns a function that takes each loss in turn and tells the typical one (the median) where this is a spike
 * @example
 * const spike = lossSpikes();
 * for (let i = 0; i < 50; i++) spike(2 + 0.01 * (i % 5));
 * spike(9); // 2.02
 */
export function lossSpikes(rule: LossSpikeRule = {}): (loss: number) => number | undefined {
  checkSpikeRule(rule);
  const { window = 64, deviations = 8 } = rule;
  const recent: number[] = [];
  return (loss) => {
    const typical = median(recent);
    const deviation = 1.4826 * median(recent.map((value) => Math.abs(value - typical)));
    // Losses that hardly differ from each other have no deviation to speak of: then a hundredth of the median counts as one.
    const isSpike =
      recent.length >= ENOUGH && loss - typical > deviations * Math.max(deviation, 0.01 * Math.abs(typical));
    recent.push(loss);
    if (recent.length > window) recent.shift();
    return isSpike ? typical : undefined;
  };
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
