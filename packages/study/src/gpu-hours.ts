/**
 * Hours on an A100 for a number of training FLOPs, from what training a model of about that size took elsewhere. The reference is the
 * Pythia suite (arXiv 2304.01373): its GPU hours and 299.9B tokens give each size's utilisation. Nothing is fitted to the study's paper.
 */

/** bfloat16 peak of an A100, dense. */
const peakFlopsPerSecond = 312e12;
const pythiaTokens = 299_892_736_000;
const pythiaSequenceLength = 2048;
const pythiaVocabSize = 50_304;

/** Layers, width and A100 hours of the models of the Pythia suite. */
const pythia = [
  { layers: 6, dim: 512, hours: 510 },
  { layers: 12, dim: 768, hours: 1030 },
  { layers: 24, dim: 1024, hours: 2540 },
  { layers: 16, dim: 2048, hours: 4830 },
  { layers: 24, dim: 2048, hours: 7120 },
  { layers: 32, dim: 2560, hours: 14_240 },
  { layers: 32, dim: 4096, hours: 33_500 },
  { layers: 36, dim: 5120, hours: 72_300 },
].map(({ layers, dim, hours }) => {
  const matrices = layers * 12 * dim * dim + pythiaVocabSize * dim;
  // As `decoderFlops` counts: six for each weight of a matrix, and the half of the attention scores that the causal mask shows.
  const flopsPerToken = 6 * matrices + 6 * layers * dim * (pythiaSequenceLength + 1);
  return {
    parameters: matrices + pythiaVocabSize * dim,
    utilisation: (flopsPerToken * pythiaTokens) / (hours * 3600 * peakFlopsPerSecond),
  };
});

/** Share of an A100's peak that the Pythia model nearest in size (by logarithm) was trained at. */
export function a100Utilisation(parameters: number): number {
  const distance = (other: number): number => Math.abs(Math.log(other / parameters));
  return pythia.reduce((near, model) => (distance(model.parameters) < distance(near.parameters) ? model : near))
    .utilisation;
}

/** @param flops counted as by `decoderFlops` */
export function a100Hours(flops: number, parameters: number): number {
  return flops / (a100Utilisation(parameters) * peakFlopsPerSecond * 3600);
}
