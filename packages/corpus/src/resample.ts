/**
 * Shrinks premultiplied RGBA by averaging areas, exactly: each source pixel counts with the share of it that a target pixel covers.
 * Enlarging repeats pixels in the same way.
 * @param source [sourceHeight, sourceWidth, 4]
 * @returns [height, width, 4]
 */
export function resampleArea(
  source: Uint8Array,
  sourceWidth: number,
  sourceHeight: number,
  width: number,
  height: number,
): Uint8Array {
  const rows = new Float32Array(width * sourceHeight * 4);
  shrinkLines(source, rows, sourceHeight, sourceWidth * 4, 4, sourceWidth, width * 4, 4, width);
  const both = new Float32Array(width * height * 4);
  shrinkLines(rows, both, width, 4, width * 4, sourceHeight, 4, width * 4, height);
  const target = new Uint8Array(both.length);
  for (let i = 0; i < both.length; i++) target[i] = Math.min(255, both[i]! + 0.5);
  return target;
}

/** One direction: `lines` lines of `from` pixels become `to` pixels each; steps are in elements. */
function shrinkLines(
  source: Uint8Array | Float32Array,
  target: Float32Array,
  lines: number,
  sourceLine: number,
  sourceStep: number,
  from: number,
  targetLine: number,
  targetStep: number,
  to: number,
): void {
  const ratio = from / to;
  for (let t = 0; t < to; t++) {
    const [start, end] = [t * ratio, (t + 1) * ratio];
    const last = Math.min(from, Math.ceil(end - 1e-9));
    for (let s = Math.floor(start); s < last; s++) {
      const weight = (Math.min(end, s + 1) - Math.max(start, s)) / ratio;
      for (let line = 0; line < lines; line++) {
        const a = line * sourceLine + s * sourceStep;
        const b = line * targetLine + t * targetStep;
        target[b] = target[b]! + source[a]! * weight;
        target[b + 1] = target[b + 1]! + source[a + 1]! * weight;
        target[b + 2] = target[b + 2]! + source[a + 2]! * weight;
        target[b + 3] = target[b + 3]! + source[a + 3]! * weight;
      }
    }
  }
}
