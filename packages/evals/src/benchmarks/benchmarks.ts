/** The published benchmarks of vision that this package knows, by the names of the paper's evaluation code. */
import { EvalsError } from '../errors.ts';
import type { Benchmark } from './benchmark.ts';
import { ocidRef, refCoco } from './boxes.ts';
import { noCaps } from './captions.ts';
import { ai2d, pope, tallyQa, vsr } from './decided-by-likelihood.ts';
import { gqa, textVqa, vizwiz, vqaV2 } from './open-questions.ts';

export type BenchmarkName =
  | 'vqa-v2'
  | 'gqa'
  | 'text-vqa'
  | 'pope'
  | 'refcoco'
  | 'ocid-ref'
  | 'vizwiz'
  | 'tally-qa'
  | 'vsr'
  | 'ai2d'
  | 'nocaps';

export const benchmarks: Readonly<Record<BenchmarkName, Benchmark>> = {
  'vqa-v2': vqaV2,
  gqa,
  'text-vqa': textVqa,
  pope,
  refcoco: refCoco,
  'ocid-ref': ocidRef,
  vizwiz,
  'tally-qa': tallyQa,
  vsr,
  ai2d,
  nocaps: noCaps,
};

/** @throws EvalsError INVALID_OPTION for a name that is none */
export function benchmarkOf(name: string): Benchmark {
  if (!Object.hasOwn(benchmarks, name))
    throw new EvalsError(
      'INVALID_OPTION',
      `Benchmark: expected one of ${Object.keys(benchmarks).join(', ')}, got ${JSON.stringify(name)}.`,
    );
  return benchmarks[name as BenchmarkName];
}
