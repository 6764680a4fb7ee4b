import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('./testing/deep-training.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const megabytes = (mode: string): Promise<{ estimate: number; measured: number }> =>
  new Promise((resolve, reject) => {
    const child = fork(program, [mode], { execArgv: ['--import', tsx, '--conditions=@vlm/source'] });
    child.once('message', resolve);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`exit code ${code}`)));
  });

test.skipIf(!existsSync('/proc/self/status'))(
  'a deep model that recomputes its blocks needs less resident memory, as estimated',
  async () => {
    const [stored, recomputed] = [await megabytes('stored'), await megabytes('recomputed')];
    expect(recomputed.estimate / stored.estimate).toBeLessThan(0.4);
    expect(recomputed.measured / stored.measured).toBeLessThan(0.6);
    // What is measured holds the session, packed weights and the allocator's rounding beside the intermediate results.
    for (const { estimate, measured } of [stored, recomputed]) {
      expect(measured).toBeGreaterThan(0.7 * estimate);
      expect(measured).toBeLessThan(estimate + 150e6);
    }
  },
);
