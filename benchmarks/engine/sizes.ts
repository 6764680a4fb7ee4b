import { type VlmConfig, vlmConfig } from '@vlm/model';

/** One decoder with its batch. */
export interface BenchmarkSize {
  name: string;
  config: VlmConfig;
  /** Rows of `config.decoder.sequenceLength` tokens. */
  batch: number;
}

const size = (name: string, dim: number, layers: number, batch: number, length: number): BenchmarkSize => ({
  name,
  batch,
  config: vlmConfig({
    decoder: { dim, layers, heads: dim / 64, vocabSize: 8192, sequenceLength: length, qkNorm: false },
  }),
});

/** `quick` is what the study's preset of that name trains; L1024 has the width, depth and tokens of S in rows four times as long. */
export const sizes: readonly BenchmarkSize[] = [
  {
    name: 'quick',
    batch: 16,
    config: vlmConfig({
      decoder: { dim: 96, layers: 3, heads: 3, vocabSize: 2048, sequenceLength: 128, qkNorm: false },
    }),
  },
  size('S', 256, 4, 16, 256),
  size('M', 512, 8, 8, 256),
  size('L1024', 256, 4, 4, 1024),
];
