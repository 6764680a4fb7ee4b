import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { PhaseProgress } from './executor.ts';
import { type Phase, type PhaseKind, prerequisites, type Study } from './graph.ts';
import { describeHardware, type Hardware, hardwareText } from './hardware.ts';
import { appendPhaseLog } from './phase-log.ts';
import { runBranch } from './phases/branch.ts';
import { runCheckpoint } from './phases/checkpoint.ts';
import { runCorpus } from './phases/corpus.ts';
import { runEncoder } from './phases/encoder.ts';
import { runEvaluate } from './phases/evaluate.ts';
import { runFeatures } from './phases/features.ts';
import { runFinetune } from './phases/finetune.ts';
import { runMain } from './phases/main.ts';
import { runReport } from './phases/report.ts';
import { runTokenizer } from './phases/tokenizer.ts';
import { isHere, type StoreHolder } from './store/holder.ts';
import { progressSaver } from './store/progress-saver.ts';
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
  /** Says that the folder holds something whole to go on from, which another worker may need. */
  onCheckpoint(): void;
}

/** A phase's work. Idempotent: run again after any interruption, it goes on and ends the same. Returns the figures to remember. */
export type PhaseWork = (context: PhaseContext) => Promise<Record<string, unknown>>;

const work: Record<PhaseKind, PhaseWork> = {
  corpus: runCorpus,
  tokenizer: runTokenizer,
  encoder: runEncoder,
  features: runFeatures,
  checkpoint: runCheckpoint,
  main: runMain,
  branch: runBranch,
  finetune: runFinetune,
  evaluate: runEvaluate,
  report: runReport,
};

type PhaseHooks = Pick<PhaseContext, 'signal' | 'onProgress' | 'onWarning'>;

/**
 * Runs one phase in this process and publishes it in the store. Where another living worker has the phase, waits for that one.
 *
 * @returns the record that stands, ours or another's
 */
export async function runPhase(phase: Phase, study: Study, store: Store, hooks: PhaseHooks): Promise<PhaseRecord> {
  const directory = store.phaseDirectory(phase);
  const held: (() => Promise<void>)[] = [];
  let signal = hooks.signal;
  try {
    const claim = await store.claim(phase, {
      signal: hooks.signal,
      onHeld: ({ pid, host }) =>
        hooks.onProgress({ fraction: 0, note: `process ${pid} on ${host} is at it; waiting for it` }),
    });
    if (!claim) return (await store.record(phase))!;
    held.push(claim.release);
    signal = AbortSignal.any([hooks.signal, claim.signal]);
    for (const parent of parentsToFetch(phase, study)) {
      hooks.onProgress({ fraction: 0, note: `fetching ${parent.id}` });
      held.push(await store.fetch(parent, { signal }));
    }
    await store.restoreProgress(phase);
    await mkdir(directory, { recursive: true });
    await dropForeignLock(directory);
    const hardware = await describeHardware();
    await appendPhaseLog(
      directory,
      `${phase.id} begins or goes on, process ${process.pid} on ${hardwareText(hardware)}`,
    );
    const onWarning = (message: string): void => {
      void appendPhaseLog(directory, `warning: ${message}`);
      hooks.onWarning(message);
    };
    return await runClaimed(phase, study, store, hardware, { ...hooks, onWarning, signal });
  } catch (error) {
    // Whatever broke off when the claim was lost or the phase was stopped, that is what ended it.
    if (isClaimLost(signal)) throw signal.reason;
    if (signal.aborted) throw new StudyError('interrupted', `Phase ${phase.id} was stopped.`, { cause: error });
    throw explainFileError(error, directory, store.directory);
  } finally {
    for (const release of held.reverse()) await release();
  }
}

async function runClaimed(
  phase: Phase,
  study: Study,
  store: Store,
  hardware: Hardware,
  hooks: PhaseHooks,
): Promise<PhaseRecord> {
  const { signal } = hooks;
  const startMs = performance.now();
  const saver = progressSaver(
    () => store.saveProgress(phase),
    (error) => {
      if (!signal.aborted)
        hooks.onWarning(`Progress could not be saved, trying again later: ${(error as Error).message}`);
    },
  );
  let summary: Record<string, unknown>;
  try {
    summary = await work[phase.kind]({
      ...hooks,
      phase,
      study,
      store,
      directory: store.phaseDirectory(phase),
      ...parentAccess(phase, study, store),
      onCheckpoint: saver.request,
    });
    if (signal.aborted) throw new StudyError('interrupted', `Phase ${phase.id} was stopped.`);
  } catch (error) {
    const reason = isClaimLost(signal) ? signal.reason : error;
    await appendPhaseLog(store.phaseDirectory(phase), failureText(reason));
    // Whoever is stopped leaves what it has, the log too, to the next; whoever lost the claim has nothing to say any more.
    saver.request();
    await saver.close({ saveNewest: !isClaimLost(signal) });
    throw reason;
  }
  await saver.close({ saveNewest: false });
  const seconds = (performance.now() - startMs) / 1000;
  await appendPhaseLog(store.phaseDirectory(phase), `done after ${seconds.toFixed(1)} s`);
  const threads = phase.settings['threads'];
  return store.finish(phase, {
    finishedAt: new Date().toISOString(),
    seconds,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    hardware: { ...hardware, ...(typeof threads === 'number' ? { threads } : {}) },
    summary,
  });
}

function failureText(error: unknown): string {
  const { name, message, code, stack } = error as Error & { code?: string };
  if (code === 'interrupted' || code === 'claim-lost') return `stopped: ${message}`;
  return `failed: ${stack ?? `${name}: ${message}`}`;
}

function isClaimLost({ reason }: AbortSignal): boolean {
  return StudyError.isInstance(reason) && reason.code === 'claim-lost';
}

/** What a phase reads. The report reads a little of every phase, and fetches that itself. */
function parentsToFetch(phase: Phase, study: Study): Phase[] {
  if (phase.kind === 'report') return [];
  const ids = prerequisites(phase);
  return study.phases.filter(({ id }) => ids.includes(id));
}

/**
 * A machine that was lost, or an earlier boot or container, leaves the lock of its checkpoints behind, or half of it. The claim says that nobody is
 * at work here, and a number from there may by now be another process.
 */
async function dropForeignLock(directory: string): Promise<void> {
  const file = join(directory, 'checkpoints', '.lock.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const holder = holderOf(text);
  if (!holder || !isHere(holder)) await rm(file, { force: true });
}

/** Undefined for a lock that was cut while it was written. */
function holderOf(text: string): StoreHolder | undefined {
  try {
    return (JSON.parse(text) as StoreHolder | null) ?? undefined;
  } catch {
    return undefined;
  }
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
