import { mkdir } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { PhaseProgress } from './executor.ts';
import type { Phase, PhaseKind, Study } from './graph.ts';
import { runBranch } from './phases/branch.ts';
import { runCorpus } from './phases/corpus.ts';
import { runEncoder } from './phases/encoder.ts';
import { runEvaluate } from './phases/evaluate.ts';
import { runFeatures } from './phases/features.ts';
import { runFinetune } from './phases/finetune.ts';
import { runMain } from './phases/main.ts';
import { runReport } from './phases/report.ts';
import { runTokenizer } from './phases/tokenizer.ts';
import type { PhaseRecord, Store } from './store.ts';
import { explainFileError, StudyError } from './study-error.ts';

/** What a phase is given: its settings, its own folder, its parents' folders, and somebody to talk to. */
export interface PhaseContext {
  phase: Phase;
  study: Study;
  store: Store;
  /** The phase's own folder; it exists, and may hold what an interrupted attempt left. */
  directory: string;
  /** Folder of the parent in a role. */
  parent(role: string): string;
  /** Summary of the parent in a role. */
  parentSummary(role: string): Promise<Record<string, unknown>>;
  signal: AbortSignal;
  onProgress(progress: PhaseProgress): void;
  onWarning(message: string): void;
}

/** A phase's work. Idempotent: run again after any interruption, it goes on and ends the same. Returns the figures to remember. */
export type PhaseWork = (context: PhaseContext) => Promise<Record<string, unknown>>;

const work: Record<PhaseKind, PhaseWork> = {
  corpus: runCorpus,
  tokenizer: runTokenizer,
  encoder: runEncoder,
  features: runFeatures,
  main: runMain,
  branch: runBranch,
  finetune: runFinetune,
  evaluate: runEvaluate,
  report: runReport,
};

/** Runs one phase in this process and marks it finished in the store. */
export async function runPhase(
  phase: Phase,
  study: Study,
  store: Store,
  hooks: Pick<PhaseContext, 'signal' | 'onProgress' | 'onWarning'>,
): Promise<PhaseRecord> {
  const directory = store.phaseDirectory(phase);
  const startMs = performance.now();
  try {
    await mkdir(directory, { recursive: true });
    const summary = await work[phase.kind]({
      phase,
      study,
      store,
      directory,
      ...parentAccess(phase, study, store),
      ...hooks,
    });
    if (hooks.signal.aborted) throw new StudyError('interrupted', `Phase ${phase.id} was stopped.`);
    await store.finish(phase, {
      finishedAt: new Date().toISOString(),
      seconds: (performance.now() - startMs) / 1000,
      peakBytes: process.resourceUsage().maxRSS * 1024,
      summary,
    });
  } catch (error) {
    throw explainFileError(error, directory);
  }
  return (await store.record(phase))!;
}

function parentAccess(phase: Phase, study: Study, store: Store): Pick<PhaseContext, 'parent' | 'parentSummary'> {
  const find = (role: string): Phase => {
    const id = phase.parents[role] ?? (role === 'continues' ? phase.continues : undefined);
    const parent = study.phases.find((candidate) => candidate.id === id);
    if (!parent) throw new StudyError('missing-artifact', `Phase ${phase.id} has no parent in the role "${role}".`);
    return parent;
  };
  return {
    parent: (role) => store.phaseDirectory(find(role)),
    async parentSummary(role) {
      const parent = find(role);
      const record = await store.record(parent);
      if (!record)
        throw new StudyError('missing-artifact', `Phase ${phase.id} needs ${parent.id}, which is not finished.`);
      return record.summary;
    },
  };
}
