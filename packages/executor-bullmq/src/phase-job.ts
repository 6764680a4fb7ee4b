import { type Phase, StudyError } from '@vlm/study';
import { z } from 'zod';

/**
 * What a job says: which phase of which study. It holds names and hashes alone; the recipe lies beside the queue, once for each study.
 */
export const phaseJobSchema = z.strictObject({
  /** Identity of the recipe. */
  study: z.string().regex(/^[0-9a-f]{16}$/),
  /** Id of the phase in that study, and its hash. */
  phase: z.string().min(1).max(500),
  hash: z.string().regex(/^[0-9a-f]{16}$/),
});
export type PhaseJob = z.infer<typeof phaseJobSchema>;

/** One job for a phase, whichever studies ask for it. */
export function jobId({ kind, hash }: Pick<Phase, 'kind' | 'hash'>): string {
  return `${kind}-${hash}`;
}

/** Label of the workers that take phases for which no label was asked. */
export const anyLabel = 'any';

/** A label becomes part of a queue's name. */
export function checkLabel(label: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,39}$/.test(label)) return label;
  throw new StudyError(
    'bad-option',
    `Expected a label of lower-case letters, digits and dashes, got ${JSON.stringify(label)}.`,
  );
}

/** Which label the workers of a phase must have, by kind of phase: `{ main: 'gpu', branch: 'gpu' }`. */
export type PhaseLabels = Partial<Record<Phase['kind'], string>>;

export function labelOf(phase: Phase, labels: PhaseLabels): string {
  return labels[phase.kind] ?? anyLabel;
}

/**
 * Phases that waited longest-chain-first: BullMQ takes the lowest number first, from 1 to 2^21.
 *
 * @param chainSeconds on a log scale, so that chains of years and of seconds both have their order; equal from a hundred-thousandth apart
 */
export function jobPriority(chainSeconds: number): number {
  const lowest = 2 ** 21;
  const longestSeconds = 1e12;
  const share = Math.log1p(chainSeconds) / Math.log1p(longestSeconds);
  return lowest - Math.round((lowest - 1) * Math.min(1, Math.max(0, share)));
}
