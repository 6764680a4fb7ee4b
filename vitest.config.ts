import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Tests run from source: the condition `@vlm/source` resolves every workspace package to its `src/`. */
const conditions = ['@vlm/source', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@vlm/source', 'node'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/**/*.test.ts', 'tools/**/*.test.ts'],
    benchmark: { include: ['packages/*/src/**/*.bench.ts'] },
    setupFiles: ['tools/fail-on-console.ts'],
    pool: 'forks',
    // Vitest leaves one core free; on two cores that is one file at a time, and many tests mostly wait for processes that they started.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Against hanging alone: a busy machine may take ten times as long as a quiet one.
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});
