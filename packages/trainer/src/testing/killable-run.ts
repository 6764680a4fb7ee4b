/** A child process that trains and reports each step to its parent, which may kill it at any moment. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  arraySource,
  beginRun,
  createBatches,
  createCheckpointStore,
  jsonLog,
  namedSource,
  repeatSource,
  type TrainingItem,
  type TrainResult,
  train,
} from '@vlm/trainer';
import { bigramParams, bigramStart, bigramStep, VOCABULARY } from './bigram-step.ts';

const STEPS = 12;
const IMAGE = 2;
const shape = { batch: 2, length: 15, features: 3, sizes: [0, 8] };

const items: TrainingItem[] = Array.from({ length: 9 }, (_, n) => {
  const hasImage = n % 3 === 0;
  const tokens = Int32Array.from({ length: 5 + n }, (_, i) =>
    hasImage && i > 0 && i < 4 ? IMAGE : i === 0 ? 0 : 3 + ((n + i) % (VOCABULARY - 3)),
  );
  const loss = Uint8Array.from(tokens, (token) => (token === IMAGE ? 0 : 1));
  return { id: String(n), tokens, loss, ...(hasImage ? { patches: new Float32Array(9).fill(n / 8) } : {}) };
});

export interface Reports {
  onStep?: (step: number) => void;
  beforeStep?: () => Promise<void>;
}

export async function killableRun(directory: string, { onStep, beforeStep }: Reports = {}): Promise<TrainResult> {
  const step = bigramStep();
  return train({
    step: {
      ...step,
      run: async (...args) => {
        await beforeStep?.();
        return step.run(...args);
      },
    },
    run: {
      run: 'killable',
      schedule: { kind: 'cosine', lrPeak: 1e-2, lrMin: 1e-4, warmupSteps: 2, totalSteps: STEPS },
      numerics: 'bigram',
    },
    start: (run) => beginRun({ ...run, params: bigramStart() }),
    batches: (state) =>
      createBatches({
        ...shape,
        open: namedSource('all', repeatSource(arraySource(items), 50)),
        packing: 'no-split',
        imageToken: IMAGE,
        padToken: 1,
        state,
      }),
    steps: STEPS,
    store: createCheckpointStore({ directory: join(directory, 'checkpoints'), params: bigramParams }),
    checkpointEvery: { steps: 1 },
    logs: [jsonLog(join(directory, 'metrics.jsonl'))],
    onStep: (row) => onStep?.(row.step),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // The parent answers every report, or kills: so it never comes too late.
  let answered = Promise.resolve();
  await killableRun(process.argv[2]!, {
    onStep: (step) => {
      answered = new Promise((resolve) => process.once('message', () => resolve()));
      process.send!(step);
    },
    beforeStep: () => answered,
  });
  process.disconnect();
}
