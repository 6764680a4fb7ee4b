/** Anchor colours from late (dark) to early (bright): ordered, and apart for colour-blind readers. */
const anchors: readonly (readonly [number, number, number])[] = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [230, 190, 30],
];

/**
 * Colours for `count` ordered arms, as hexadecimal RGB.
 *
 * @example branchColours(2) // ['#440154', '#e6be1e']
 */
export function branchColours(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const position = count === 1 ? 0 : (i / (count - 1)) * (anchors.length - 1);
    const lower = Math.min(Math.floor(position), anchors.length - 2);
    const mix = position - lower;
    const rgb = [0, 1, 2].map((channel) =>
      Math.round(anchors[lower]![channel]! * (1 - mix) + anchors[lower + 1]![channel]! * mix),
    );
    return `#${rgb.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  });
}
