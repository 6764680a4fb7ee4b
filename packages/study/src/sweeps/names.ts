/** Every sweep that a recipe can name. */
export const sweepNames = [
  'timing',
  'ratio',
  'scratch',
  'instruction',
  'epochs',
  'encoder',
  'frozen',
  'captions',
  'seeds',
  'scale',
  'schedule',
  'budget',
  'blind',
  'from-public',
] as const;

export type SweepName = (typeof sweepNames)[number];
