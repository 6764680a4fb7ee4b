import type { Arm, Recipe } from '../recipe.ts';

/** One question, and the arms that answer it. */
export interface Sweep {
  question: string;
  /** What of the paper it answers, or which control that the paper left out it is. */
  answers: string;
  /** What all its arms have in common. */
  fixed: string;
  arms(recipe: Recipe): Arm[];
  /** Ids of the arms that are compared, the one in question first. */
  pairs(recipe: Recipe): (readonly [a: string, b: string])[];
  /** What the sweep varies, in words and for each arm; its figure has this on the horizontal axis. */
  axis: SweepAxis;
  /** Why a recipe cannot have this sweep; undefined where it can. */
  problem?(recipe: Recipe): string | undefined;
  /** Seeds at which every arm of the study runs, beside the recipe's own. */
  seeds?: readonly number[];
}

export interface SweepAxis {
  title: string;
  of(arm: Arm, recipe: Recipe): string;
  /** Its places are names without an order, so that no line may join them. */
  isNominal?: true;
  /** What tells apart arms at the same place of the axis. */
  series?(arm: Arm, recipe: Recipe): string;
}

/** Every other arm against one of them. */
export function against(reference: string, arms: readonly Pick<Arm, 'id'>[]): (readonly [string, string])[] {
  return arms.filter(({ id }) => id !== reference).map(({ id }) => [id, reference] as const);
}

/** The paper's best branch point: where most sweeps leave the main run. */
export const lateBranchPoint = 0.8;

/** A share or a point of the main run as part of a name: .05 → `5`. */
export function percentName(share: number): string {
  return `${Number((100 * share).toFixed(2))}`;
}

/** An arm as the paper makes it: 0 and 100 % re-warm, the others continue the main run's schedule. */
export function paperArm(branchPoint: number): Arm {
  return {
    id: `branch-${percentName(branchPoint)}`,
    branchPoint,
    schedule: branchPoint === 0 || branchPoint === 1 ? 'rewarm' : 'continued',
  };
}

export const percentText = (share: number): string => `${percentName(share)} %`;

/**
 * The arms that vary the branch point and nothing else, one for each point: a sweep may have one of them under a name of its own. In a study of
 * public checkpoints alone these are the ones that only their checkpoint tells apart: all of them re-warm.
 */
export function timingLine<Of extends { arm: Arm }>(arms: readonly Of[]): Of[] {
  const usual = new Map<number, Of>();
  for (const one of arms) {
    if (isUsualArm(one.arm) && !usual.has(one.arm.branchPoint)) usual.set(one.arm.branchPoint, one);
  }
  return usual.size > 0
    ? [...usual.values()]
    : arms.filter(({ arm: { from, ...rest } }) => from !== undefined && isPlainRewarm(rest));
}

function isPlainRewarm({ id: _, branchPoint: _point, schedule, ...changes }: Omit<Arm, 'from'>): boolean {
  return schedule === 'rewarm' && Object.values(changes).every((value) => value === undefined);
}

/** Whether an arm is as {@link paperArm} makes it, whatever its name: it varies the branch point and nothing else. */
export function isUsualArm({ id: _, branchPoint, schedule, ...changes }: Arm): boolean {
  return schedule === paperArm(branchPoint).schedule && Object.values(changes).every((value) => value === undefined);
}
