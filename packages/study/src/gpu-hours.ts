/**
 * Hours on an A100 for a number of training FLOPs, at the share of the peak that one well-known model of the paper's size was trained at:
 * Pythia-1B (arXiv 2304.01373), 4,830 A100 hours for 299.9B tokens. Nothing is fitted to the study's paper. Smaller models reach less of the peak
 * and take longer than this says.
 */

/** bfloat16 peak of an A100, dense. */
const peakFlopsPerSecond = 312e12;
const pythia = { layers: 16, dim: 2048, vocabSize: 50_304, sequenceLength: 2048, tokens: 299_892_736_000, hours: 4830 };

/** Share of an A100's peak that Pythia-1B was trained at, counted as `decoderFlops` counts. */
export const a100Utilisation = (() => {
  const { layers, dim, vocabSize, sequenceLength, tokens, hours } = pythia;
  const matrices = layers * 12 * dim * dim + vocabSize * dim;
  // Six for each weight of a matrix, and the half of the attention scores that the causal mask shows.
  const flopsPerToken = 6 * matrices + 6 * layers * dim * (sequenceLength + 1);
  return (flopsPerToken * tokens) / (hours * 3600 * peakFlopsPerSecond);
})();

/** @param flops counted as by `decoderFlops` */
export function a100Hours(flops: number): number {
  return flops / (a100Utilisation * peakFlopsPerSecond * 3600);
}
