/**
 * Names of colours. Pixels are named in OKLCh (Björn Ottosson, "A perceptual color space for image processing", 2020): lightness L in
 * 0..1, chroma C, hue h in degrees. Beige, teal and other in-between shades get no name.
 */

/** The eleven basic colour terms of English, in the order of the dense labels. */
export const colourNames = [
  'white',
  'gray',
  'black',
  'red',
  'orange',
  'yellow',
  'green',
  'blue',
  'purple',
  'pink',
  'brown',
] as const;
export type ColourName = (typeof colourNames)[number];

/** An object's colour where none dominates. */
export const mixedColour = 'mixed';

/** Colours that have a hue and can be reached by turning one. */
export const hues: readonly ColourName[] = ['red', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink'];

const linearOf = Float64Array.from({ length: 256 }, (_, v) => {
  const s = v / 255;
  return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
});

function encodeChannel(linear: number): number {
  const v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * Math.max(linear, 0) ** (1 / 2.4) - 0.055;
  return Math.max(0, Math.min(255, Math.round(v * 255)));
}

/** sRGB bytes → OKLab. */
export function toOklab(r: number, g: number, b: number): [L: number, a: number, b: number] {
  const [x, y, z] = [linearOf[r]!, linearOf[g]!, linearOf[b]!];
  const l = Math.cbrt(0.4122214708 * x + 0.5363325363 * y + 0.0514459929 * z);
  const m = Math.cbrt(0.2119034982 * x + 0.6806995451 * y + 0.1073969566 * z);
  const s = Math.cbrt(0.0883024619 * x + 0.2817188376 * y + 0.6299787005 * z);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** OKLab → sRGB bytes; shades outside the gamut are clipped channel by channel. */
export function fromOklab(L: number, a: number, b: number): [number, number, number] {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encodeChannel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encodeChannel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encodeChannel(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** Turns a colour's hue by an angle, keeping lightness and chroma. */
export function turnHue(r: number, g: number, b: number, degrees: number): [number, number, number] {
  const [L, A, B] = toOklab(r, g, b);
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return fromOklab(L, A * cos - B * sin, A * sin + B * cos);
}

/** The name of one colour, or undefined for shades between two names. */
export function nameColour(r: number, g: number, b: number): ColourName | undefined {
  const [L, A, B] = toOklab(r, g, b);
  const C = Math.hypot(A, B);
  if (C < 0.045 || (L < 0.3 && C < 0.06))
    return L < 0.4 ? 'black' : L > 0.88 ? 'white' : L > 0.48 && L < 0.84 ? 'gray' : undefined;
  if (C < 0.065) return undefined;
  const h = ((Math.atan2(B, A) * 180) / Math.PI + 360) % 360;
  if (h >= 335 || h < 22) return L > 0.67 ? 'pink' : C > 0.12 ? 'red' : undefined;
  if (h < 42) return L < 0.46 || C < 0.12 ? (L < 0.68 ? 'brown' : undefined) : L < 0.7 ? 'red' : undefined;
  if (h < 74) return L < 0.66 || C < 0.1 ? (L < 0.72 ? 'brown' : undefined) : 'orange';
  if (h < 112) return L > 0.75 && C > 0.1 ? 'yellow' : L < 0.55 ? 'brown' : undefined;
  if (h < 172) return C > 0.05 ? 'green' : undefined;
  if (h < 205) return undefined;
  if (h < 283) return 'blue';
  return L > 0.3 ? 'purple' : undefined;
}

/** How much of a drawing each colour covers. */
export interface ColourShares {
  shares: Map<ColourName, number>;
  /** All weight, that of shades without a name included. */
  total: number;
}

/**
 * Counts a drawing's opaque pixels by name. Black is often only an outline, so it counts half.
 * @param rgba premultiplied bytes [n, 4]
 * @param degrees turn the hues first
 */
export function colourShares(rgba: Uint8Array, degrees = 0): ColourShares {
  const shares = new Map<ColourName, number>();
  let total = 0;
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3]!;
    if (alpha < 128) continue;
    const full = (c: number): number => Math.min(255, Math.round((rgba[i + c]! * 255) / alpha));
    let [r, g, b] = [full(0), full(1), full(2)];
    if (degrees !== 0) [r, g, b] = turnHue(r, g, b, degrees);
    const name = nameColour(r, g, b);
    const weight = name === 'black' ? 0.5 : 1;
    total += weight;
    if (name) shares.set(name, (shares.get(name) ?? 0) + weight);
  }
  return { shares, total };
}

/** The colour that covers at least 45 % of a drawing and twice as much as the next; `mixed` where there is none. */
export function dominantColour({ shares, total }: ColourShares): ColourName | typeof mixedColour {
  const [first, second] = [...shares].sort((x, y) => y[1] - x[1]);
  if (!first || first[1] < 0.45 * total || (second && second[1] * 2 > first[1])) return mixedColour;
  return first[0];
}

/** Colours that cover so much of a drawing that it would be lost on a ground of that colour. */
export function groundsToAvoid({ shares, total }: ColourShares): ColourName[] {
  return [...shares].filter(([, weight]) => weight >= 0.3 * total).map(([name]) => name);
}
