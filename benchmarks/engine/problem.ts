/** The training problem that every contestant gets: the same weights, the same batch, the same optimizer. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AdamWOptions } from '@vlm/jit';
import { createRandom, type DecoderConfig, initParameters, vlmParams, writeSafetensors } from '@vlm/model';
import type { BenchmarkSize } from './sizes.ts';

/** What a contestant reads from its file. */
export interface Problem {
  decoder: DecoderConfig;
  batch: number;
  /** A safetensors file: parameters by name, `tokens_BT`, `targets_BT`. */
  tensors: string;
  optimizer: AdamWOptions;
  lr: number;
}

/**
 * @param directory where the two files go
 * @returns the path of the problem's JSON
 */
export async function writeProblem(directory: string, { name, config, batch }: BenchmarkSize): Promise<string> {
  const { decoder } = config;
  const specs = vlmParams(config);
  const weights = initParameters(specs, 1);
  const random = createRandom(1);
  const shape = [batch, decoder.sequenceLength];
  // A skewed vocabulary, as in text: there is something to learn at once (the frequencies) and the loss falls.
  const ids = () =>
    Int32Array.from({ length: batch * decoder.sequenceLength }, () =>
      Math.floor(random.uniform() ** 3 * decoder.vocabSize),
    );
  const tensors = join(directory, `${name}.safetensors`);
  const params = Object.entries(specs).map(([param, spec]) => [param, { shape: spec.shape, data: weights[param]! }]);
  await writeFile(
    tensors,
    writeSafetensors({
      ...Object.fromEntries(params),
      tokens_BT: { shape, data: ids() },
      targets_BT: { shape, data: ids() },
    }),
  );
  const problem: Problem = {
    decoder,
    batch,
    tensors,
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.033, clipNorm: 1 },
    lr: 1e-3,
  };
  const path = join(directory, `${name}.json`);
  await writeFile(path, JSON.stringify(problem));
  return path;
}
