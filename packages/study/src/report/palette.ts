/** Every colour of a report's figures with the one that takes its place on a dark screen, each at 3 : 1 or more against its ground. */
const inks = {
  ink: ['#1d2430', '#e8ecf2'],
  label: ['#38404c', '#c5cdd8'],
  axis: ['#8a94a3', '#76828f'],
  grid: ['#e6eaf0', '#2a323d'],
  blue: ['#0b6e99', '#5bb8e0'],
  red: ['#c2384a', '#f07f88'],
  amber: ['#a86a00', '#edae49'],
  slate: ['#5b6675', '#a3aebd'],
  violet: ['#5b3a9e', '#b79df0'],
  indigo: ['#3f5bb0', '#8fa8f5'],
  teal: ['#0f7d85', '#4fc9d2'],
  green: ['#1b7f4d', '#5fcf97'],
  olive: ['#6f7600', '#c6d04c'],
} as const;

export type Ink = keyof typeof inks;

/** The colour in figures as they are drawn, for a light ground. */
export const ink = (name: Ink): string => inks[name][0];

/** Style rules that give drawn figures their colours on a dark screen. */
export const darkFigureStyle = Object.values(inks)
  .map(([light, dark]) => `svg [fill="${light}"]{fill:${dark}}svg [stroke="${light}"]{stroke:${dark}}`)
  .join('\n');

const ordered: readonly Ink[] = ['violet', 'indigo', 'teal', 'green', 'olive', 'amber', 'red', 'slate'];
const dashes: readonly (readonly number[] | undefined)[] = [undefined, [6, 3], [2, 2], [8, 3, 2, 3]];

/** Colour and dash of the `index`-th of `count` series, in an order of hues that follows the order of the series: a few are far apart, many repeat with dashes. */
export function seriesStyle(index: number, count: number): { colour: string; dash?: readonly number[] } {
  const place = count < ordered.length ? Math.floor((index * ordered.length) / count) : index;
  const dash = dashes[Math.floor(place / ordered.length) % dashes.length];
  return { colour: ink(ordered[place % ordered.length]!), ...(dash ? { dash } : {}) };
}
