/**
 * Coefficient of global-norm clipping (Pascanu et al. 2013), as `torch.nn.utils.clip_grad_norm_` computes it.
 * @param gradNorm norm of all gradients together: the root of the sum of `sumOfSquares` over the parameters in a fixed order
 * @param clipNorm largest norm that passes unscaled; `undefined` never clips
 * @returns min(1, clipNorm / (gradNorm + 1e-6)); NaN when the norm is NaN or infinite, which `update` refuses
 * @example const gradientScale = clipCoefficient(Math.sqrt(sums.reduce((a, b) => a + b, 0)), 1)
 */
export function clipCoefficient(gradNorm: number, clipNorm: number | undefined): number {
  if (!Number.isFinite(gradNorm)) return Number.NaN;
  return clipNorm === undefined ? 1 : Math.min(1, clipNorm / (gradNorm + 1e-6));
}
