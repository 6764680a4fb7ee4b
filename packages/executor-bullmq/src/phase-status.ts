import { finishedRecords, isReady, type Phase, type PhaseStatus, type Store } from '@vlm/study';
import type { Job } from 'bullmq';
import type { JobProgress } from './phase-handler.ts';
import { jobId, labelOf, type PhaseJob } from './phase-job.ts';
import type { Queues } from './queues.ts';
import type { StudyView } from './study-view.ts';

export interface UnfinishedJob {
  phase: Phase;
  job: Job<PhaseJob>;
  state: 'running' | 'queued' | 'failed';
}

const jobsAtATime = 64;

/** The jobs that the queue has for a study's unfinished phases. */
export async function unfinishedJobs(queues: Queues, view: StudyView, store: Store): Promise<UnfinishedJob[]> {
  const records = await finishedRecords(view.study.phases, store);
  for (const id of records.keys()) view.finished.add(id);
  const ready = view.study.phases.filter((phase) => !view.finished.has(phase.id) && isReady(phase, view.finished));
  const jobs: UnfinishedJob[] = [];
  for (let from = 0; from < ready.length; from += jobsAtATime) {
    const some = ready.slice(from, from + jobsAtATime);
    const found = await Promise.all(some.map((phase) => findJob(queues, view, phase)));
    jobs.push(...found.filter((job) => job !== undefined));
  }
  return jobs;
}

async function findJob(queues: Queues, view: StudyView, phase: Phase): Promise<UnfinishedJob | undefined> {
  const job = await queues.of(labelOf(phase, view.labels)).getJob(jobId(phase));
  if (!job) return undefined;
  const state = await job.getState();
  if (state === 'unknown' || state === 'completed') return undefined;
  return { phase, job, state: state === 'active' ? 'running' : state === 'failed' ? 'failed' : 'queued' };
}

/** @param machines what each host is, in a line */
export async function phaseStatus(
  queues: Queues,
  view: StudyView,
  store: Store,
  machines: ReadonlyMap<string, string>,
): Promise<PhaseStatus[]> {
  const jobs = new Map((await unfinishedJobs(queues, view, store)).map((found) => [found.phase, found]));
  const records = await finishedRecords(view.study.phases, store);
  return view.study.phases.map((phase): PhaseStatus => {
    const record = records.get(phase.id);
    if (record) return { phase, state: 'done', record, ...(record.hardware ? { host: record.hardware.host } : {}) };
    const found = jobs.get(phase);
    if (!found) return { phase, state: 'waiting' };
    const { job, state } = found;
    const { host, ...progress } = (typeof job.progress === 'object' ? job.progress : {}) as Partial<JobProgress>;
    return {
      phase,
      state,
      ...(host ? { host } : {}),
      ...(host && machines.has(host) ? { machine: machines.get(host)! } : {}),
      ...(progress.fraction === undefined ? {} : { progress: { ...progress, fraction: progress.fraction } }),
      ...(job.attemptsMade > 0 ? { failures: job.attemptsMade } : {}),
      ...(job.failedReason ? { error: job.failedReason } : {}),
    };
  });
}
