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
] as const;

export type SweepName = (typeof sweepNames)[number];
