import { addSweeps, expandStudy, presets } from '@vlm/study';
import { describe, expect, it } from 'vitest';
import { planJobs } from './plan-jobs.ts';

const smoke = presets['smoke']!;

describe('planJobs', () => {
  it('packs every phase once, each job after those of what it needs', () => {
    const study = expandStudy({ ...addSweeps(smoke, ['ratio', 'captions']), seeds: [1, 2, 3] });
    const jobs = planJobs(study.phases);
    const packed = jobs.flatMap(({ phases }) => phases.map(({ id }) => id));
    expect([...packed].sort()).toEqual(study.phases.map(({ id }) => id).sort());
    const done = new Set<string>();
    for (const { phases, after } of jobs) {
      const before = after.how === 'all' ? after.phases : after.job.phases;
      for (const { id } of before) expect(done).toContain(id);
      for (const { id } of phases) done.add(id);
    }
  });

  it('makes arrays of arms that wait for the same, and lets each go on by itself', () => {
    const { arms } = smoke;
    const study = expandStudy({
      ...smoke,
      arms: [0.1, 0.2, 0.3].map((imageShare, i) => ({ ...arms[0]!, id: `share-${i}`, imageShare })),
    });
    const jobs = planJobs(study.phases);
    const sizes = Object.fromEntries(
      jobs
        .filter(({ phases }) => phases.length > 1)
        .map(({ kind, phases, after }) => [kind, [phases.length, after.how]]),
    );
    expect(sizes).toEqual({ branch: [3, 'all'], finetune: [3, 'each'], evaluate: [3, 'each'] });
    const finetune = jobs.find(({ kind }) => kind === 'finetune')!;
    expect(finetune.phases.map(({ parents }) => parents['branch'])).toEqual(
      jobs.find(({ kind }) => kind === 'branch')!.phases.map(({ id }) => id),
    );
  });

  it('waits for nothing that is waited for anyway', () => {
    const jobs = planJobs(expandStudy(smoke).phases);
    const evaluate = jobs.find(({ phases }) => phases[0]!.id === 'evaluate/branch-50/seed-124')!;
    const before = evaluate.after.how === 'all' ? evaluate.after.phases.map(({ id }) => id) : [];
    expect(before).toEqual(['finetune/branch-50/seed-124']);
  });

  it('cuts arrays at the longest that the cluster takes', () => {
    const { arms } = smoke;
    const shares = Array.from({ length: 5 }, (_, i) => ({ ...arms[0]!, id: `share-${i}`, imageShare: 0.1 + i / 10 }));
    const jobs = planJobs(expandStudy({ ...smoke, arms: shares }).phases, 2);
    expect(jobs.filter(({ kind }) => kind === 'branch').map(({ phases }) => phases.length)).toEqual([2, 2, 1]);
  });
});
