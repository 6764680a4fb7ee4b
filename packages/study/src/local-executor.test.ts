import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { type ExecutorUnderTest, executorContract, openTrace, tracedRunner } from './executor-contract/index.ts';
import { localExecutor } from './local-executor.ts';
import { openStore } from './store.ts';

let folder: string;
let given: ExecutorUnderTest;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-'));
  const store = await openStore(join(folder, 'store'));
  const runner = tracedRunner(store, join(folder, 'trace'));
  given = {
    store,
    trace: await openTrace(join(folder, 'trace')),
    executor: localExecutor({ store, runner, concurrency: 2 }),
  };
});
afterEach(async () => {
  await given.executor.close();
  await rm(folder, { recursive: true });
});

describe('localExecutor', () => {
  for (const { name, check } of executorContract) it(name, () => check(given));
});
