import { createHash } from 'node:crypto';
import type { ImageEncoder } from './image-encoder.ts';
import { PatcherError } from './patcher-error.ts';

/**
 * Several encoders as one: the features of each patch side by side, as prismatic's DINOv2 + SigLIP has them. All must cut images into as many patches.
 *
 * @returns features [P, F₁ + F₂ + …]; disposing of the parts stays with who made them
 * @throws {PatcherError} `invalid-argument` where the numbers of patches differ
 *
 * @example
 * const both = concatEncoders([dinov2, siglip]);
 */
export function concatEncoders(encoders: readonly ImageEncoder[]): ImageEncoder {
  const [first] = encoders;
  if (first === undefined) throw new PatcherError('invalid-argument', 'Expected at least one encoder, got none.');
  const { patches } = first;
  if (encoders.some((encoder) => encoder.patches !== patches))
    throw new PatcherError(
      'invalid-argument',
      `Expected encoders with as many patches, got ${encoders.map((encoder) => encoder.patches).join(', ')}.`,
    );
  const width = encoders.reduce((sum, encoder) => sum + encoder.width, 0);
  const ids = JSON.stringify(encoders.map(({ id }) => id));
  return {
    id: `concat-${createHash('sha256').update(ids).digest('hex').slice(0, 32)}`,
    patches,
    width,
    async encode(images, { names, onBroken } = {}) {
      const out = images.map((): Float32Array | undefined => new Float32Array(patches * width));
      const told = new Set<number>();
      const tell = onBroken && {
        onBroken: (problem: PatcherError) => {
          if (!told.has(problem.index!)) onBroken(problem);
          told.add(problem.index!);
        },
      };
      let at = 0;
      for (const encoder of encoders) {
        const features = await encoder.encode(images, { names, ...tell });
        features.forEach((part, i) => {
          if (part === undefined) out[i] = undefined;
          const whole = out[i];
          for (let p = 0; whole && p < patches; p++)
            whole.set(part!.subarray(p * encoder.width, (p + 1) * encoder.width), p * width + at);
        });
        at += encoder.width;
      }
      return out;
    },
  };
}
