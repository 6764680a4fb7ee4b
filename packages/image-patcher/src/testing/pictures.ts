import sharp from 'sharp';
import { expect } from 'vitest';

/** A picture with a different colour at every place. */
export function rgbPattern(width: number, height: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37 + Math.floor(i / 7) * 11 + seed * 53) % 256);
}

/** A PNG with these pixels. */
export function png(rgb: Uint8Array, width: number, height: number): Promise<Buffer> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** The error that an action rejects with. */
export async function rejection(action: Promise<unknown>): Promise<{ code: string; message: string; index?: number }> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as { code: string; message: string; index?: number };
}
