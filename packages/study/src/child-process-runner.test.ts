import { expect, it } from 'vitest';
import { childProcessRunner } from './child-process-runner.ts';
import { expandStudy } from './graph.ts';
import { presets } from './presets/index.ts';
import type { Store } from './store.ts';

it('starts no process for a phase that was stopped before it began', async () => {
  const study = expandStudy(presets['smoke']!);
  // A store without a location: a process that was started could open nothing, and would fail otherwise.
  const { run } = childProcessRunner({} as Store);
  const hooks = { signal: AbortSignal.abort(), onProgress: () => {}, onWarning: () => {} };
  await expect(run(study.phases[0]!, study, hooks)).rejects.toMatchObject({ code: 'interrupted' });
});
