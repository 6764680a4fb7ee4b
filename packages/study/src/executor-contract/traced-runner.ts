import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PhaseRunner } from '../executor.ts';
import type { Phase } from '../graph.ts';
import { describeHardware } from '../hardware.ts';
import { appendPhaseLog } from '../phase-log.ts';
import type { Store } from '../store.ts';
import { StudyError } from '../study-error.ts';

/** What the phases of a contract's run did, seen and steered through a folder, so that they may run in any process. */
export interface Trace {
  /** `start` and `end` of phases by id, in the order in which they happened. */
  lines(): Promise<{ what: 'start' | 'end' | 'stop'; id: string }[]>;
  forget(): Promise<void>;
  /** Has a phase fail until told otherwise. */
  setFailing(phase: Phase, isFailing: boolean): Promise<void>;
  /** Holds phases of a kind half-way until told otherwise. */
  setHeld(kind: Phase['kind'], isHeld: boolean): Promise<void>;
}

export async function openTrace(folder: string): Promise<Trace> {
  await mkdir(folder, { recursive: true });
  const flag = (name: string, isSet: boolean): Promise<void> =>
    isSet ? writeFile(join(folder, name), '') : rm(join(folder, name), { force: true });
  return {
    async lines() {
      const text = await readFile(join(folder, traceFile), 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [what, id] = line.split(' ') as ['start' | 'end' | 'stop', string];
          return { what, id };
        });
    },
    forget: () => rm(join(folder, traceFile), { force: true }),
    setFailing: (phase, isFailing) => flag(`fail-${phase.hash}`, isFailing),
    setHeld: (kind, isHeld) => flag(`hold-${kind}`, isHeld),
  };
}

const traceFile = 'trace.txt';

/** Runs phases that do nothing but leave a trace, report progress and finish, or fail or wait as the trace's folder says. */
export function tracedRunner(store: Store, folder: string, workMs = 20): PhaseRunner {
  const isThere = (name: string): Promise<boolean> =>
    stat(join(folder, name)).then(
      () => true,
      () => false,
    );
  const trace = (line: string): Promise<void> => appendFile(join(folder, traceFile), `${line}\n`);
  return {
    async run(phase, _study, { signal, onProgress, onWarning }) {
      const found = await store.record(phase);
      if (found) return found;
      const directory = store.phaseDirectory(phase);
      await trace(`start ${phase.id}`);
      await appendPhaseLog(directory, `traced ${phase.id}`);
      onProgress({ fraction: 0.5, note: 'half-way', loss: 1.25 });
      await sleep(workMs);
      let isToldOf = false;
      while (await isThere(`hold-${phase.kind}`)) {
        if (!isToldOf) onWarning('held half-way');
        isToldOf = true;
        onProgress({ fraction: 0.5, note: 'held', loss: 1.25 });
        await sleep(20);
        if (signal.aborted) break;
      }
      if (signal.aborted) {
        await trace(`stop ${phase.id}`);
        throw new StudyError('interrupted', `Phase ${phase.id} was stopped.`);
      }
      if (await isThere(`fail-${phase.hash}`)) {
        await appendPhaseLog(directory, 'failed: broken on purpose');
        throw new Error(`Phase ${phase.id} failed: broken on purpose`);
      }
      const record = await store.finish(phase, {
        finishedAt: new Date().toISOString(),
        seconds: workMs / 1000,
        peakBytes: 0,
        hardware: { ...(await describeHardware()), host: hostname() },
        summary: { traced: phase.id },
      });
      await trace(`end ${phase.id}`);
      return record;
    },
  };
}
