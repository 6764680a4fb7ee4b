import type { ColourName } from './palette.ts';
import type { Random } from './random.ts';

/** Ground colours in the order of the dense labels. Every one is named as it is by `nameColour`. */
export const backgrounds: readonly { name: ColourName; rgb: readonly [number, number, number] }[] = [
  { name: 'white', rgb: [246, 246, 244] },
  { name: 'gray', rgb: [150, 150, 152] },
  { name: 'black', rgb: [26, 26, 28] },
  { name: 'red', rgb: [196, 52, 52] },
  { name: 'orange', rgb: [242, 150, 50] },
  { name: 'yellow', rgb: [247, 219, 90] },
  { name: 'green', rgb: [96, 168, 92] },
  { name: 'blue', rgb: [78, 130, 206] },
  { name: 'purple', rgb: [132, 92, 184] },
  { name: 'pink', rgb: [243, 172, 198] },
  { name: 'brown', rgb: [124, 84, 54] },
];

/** Names of the grounds, in order. */
export const backgroundNames: readonly string[] = backgrounds.map((background) => background.name);

type Texture = (x: number, y: number) => number;

/** A light pattern, brightness offset in −1..1 at a pixel. */
function drawTexture(random: Random, size: number): Texture {
  const period = random.between(0.08, 0.2) * size;
  const [dx, dy] = random.pick([
    [1, 0],
    [0, 1],
    [0.7, 0.7],
    [0.7, -0.7],
  ] as const);
  switch (random.int(4)) {
    case 0:
      return (x, y) => (2 * (x * dx + y * dy)) / size - 1;
    case 1:
      return (x, y) => (((Math.floor((x * dx + y * dy) / period) % 2) + 2) % 2 === 0 ? 1 : -1);
    case 2:
      return (x, y) => ((Math.floor(x / period) + Math.floor(y / period)) % 2 === 0 ? 1 : -1);
    default: {
      const radius = period * 0.28;
      return (x, y) => {
        const [u, v] = [(x % period) - period / 2, (y % period) - period / 2];
        return u * u + v * v < radius * radius ? 1 : -0.2;
      };
    }
  }
}

/**
 * Paints a ground: its named colour, a little lighter or darker each time, plain or with a light texture.
 * @param rgb pixels to fill, [size, size, 3]
 * @returns the base colour that was painted
 */
export function paintBackground(
  rgb: Uint8Array,
  size: number,
  name: string,
  random: Random,
  textureShare: number,
): [number, number, number] {
  const base = backgrounds.find((background) => background.name === name)!.rgb;
  const shade = random.between(-7, 7);
  const colour = base.map((value) => clampByte(value + shade)) as [number, number, number];
  const texture = random.chance(textureShare) ? drawTexture(random, size) : undefined;
  for (let y = 0, i = 0; y < size; y++)
    for (let x = 0; x < size; x++, i += 3) {
      const offset = texture ? Math.round(8 * texture(x, y)) : 0;
      for (let c = 0; c < 3; c++) rgb[i + c] = clampByte(colour[c]! + offset);
    }
  return colour;
}

function clampByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
