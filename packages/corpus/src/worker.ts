/** A thread that does units of work; its world comes with it, the drawings in shared memory. */
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { CorpusError } from './errors.ts';
import { type Unit, UnitRunner } from './units.ts';
import type { WorldData } from './world.ts';

sharp.concurrency(1);
sharp.cache(false);
const runner = new UnitRunner(workerData as WorldData);
parentPort!.on('message', async ({ id, unit }: { id: number; unit: Unit }) => {
  try {
    parentPort!.postMessage({ id, result: await runner.run(unit) });
  } catch (error) {
    const code = CorpusError.isInstance(error) ? error.code : undefined;
    parentPort!.postMessage({ id, error: { code, message: error instanceof Error ? error.message : String(error) } });
  }
});
