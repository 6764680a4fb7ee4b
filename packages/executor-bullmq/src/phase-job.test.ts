import { describe, expect, it } from 'vitest';
import { jobPriority } from './phase-job.ts';

describe('jobPriority', () => {
  it('puts the longer chain first, from seconds to years, within what BullMQ takes', () => {
    const day = 86_400;
    const chains = [0, 1, 2, 60, 3600, day, 24 * day, 25 * day, 90 * day, 548 * day, 549 * day, 3650 * day, 1e15];
    const priorities = chains.map(jobPriority);
    expect(priorities.every((priority) => Number.isInteger(priority) && priority >= 1 && priority <= 2 ** 21)).toBe(
      true,
    );
    expect(new Set(priorities).size).toBe(chains.length);
    expect([...priorities].sort((a, b) => b - a)).toEqual(priorities);
  });
});
