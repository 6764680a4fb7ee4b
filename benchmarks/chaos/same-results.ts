import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store, Study } from '@vlm/study';

/** Files that tell of the course of a run (times, machines, attempts) and not of its result. */
const ofTheCourse = /^(phase\.json|log\.txt|claim.*|metrics\.jsonl|checkpoints\/(step-.*|\.lock\.json|\.writing-.*))$/;

export interface Difference {
  phase: string;
  file: string;
  what: 'missing' | 'differs' | 'extra';
}

/** Compares every file of every phase of two stores, byte by byte; of the metrics, what a step trained (not how fast). */
export async function differences(
  study: Study,
  expected: Store,
  found: Store,
): Promise<{ files: number; bytes: number; differences: Difference[] }> {
  const differences: Difference[] = [];
  let files = 0;
  let bytes = 0;
  for (const phase of study.phases) {
    if (phase.kind === 'report') continue; // It names times and machines.
    const releases = [await expected.fetch(phase), await found.fetch(phase)];
    const [here, there] = [expected.phaseDirectory(phase), found.phaseDirectory(phase)];
    const [ours, theirs] = [await resultFiles(here), await resultFiles(there)];
    for (const file of new Set([...ours, ...theirs])) {
      const add = (what: Difference['what']): void => void differences.push({ phase: phase.id, file, what });
      if (!theirs.includes(file)) add('missing');
      else if (!ours.includes(file)) add('extra');
      else {
        const [a, b] = await Promise.all([readFile(join(here, file)), readFile(join(there, file))]);
        files++;
        bytes += a.length;
        if (!a.equals(b)) add('differs');
      }
    }
    if ((await losses(here)) !== (await losses(there)))
      differences.push({ phase: phase.id, file: 'metrics.jsonl', what: 'differs' });
    for (const release of releases) await release();
  }
  return { files, bytes, differences };
}

async function resultFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const files: string[] = [];
  for (const entry of entries) {
    if (!ofTheCourse.test(entry) && (await stat(join(folder, entry))).isFile()) files.push(entry);
  }
  return files.sort();
}

/** Steps, losses and gradient norms of a phase that trains. A step may stand twice where a run went on from a checkpoint. */
async function losses(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'metrics.jsonl'), 'utf8').catch(() => '');
  const steps = new Map<number, string>();
  for (const line of text.split('\n').filter(Boolean)) {
    const { step, loss, gradNorm, lr } = JSON.parse(line) as Record<string, number>;
    steps.set(step!, JSON.stringify([step, loss, gradNorm, lr]));
  }
  return [...steps.values()].join('\n');
}
