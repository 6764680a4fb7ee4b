import { describe, expect, it } from 'vitest';
import type { Phase } from './graph.ts';
import { createTimeLeft, type TimeLeft } from './time-left.ts';

const phase = (id: string, parents = {}): Phase => ({ id, parents }) as Phase;
const [branch, evaluation] = [phase('branch'), phase('evaluate')];

const follow = (concurrency = 1): TimeLeft => createTimeLeft([branch, evaluation], () => 100, concurrency);
const progress = (timeLeft: TimeLeft, fraction: number, atSeconds: number): void =>
  timeLeft.observe({ type: 'phase-progress', phase: branch, progress: { fraction } }, 1000 * atSeconds);

describe('time left', () => {
  it('is the estimates, shared by those who work, and at least the longest phase', () => {
    expect(follow().seconds(0)).toBe(200);
    expect(follow(2).seconds(0)).toBe(100);
    expect(follow(8).seconds(0)).toBe(100);
  });

  it('follows the pace of a running phase', () => {
    const timeLeft = follow();
    timeLeft.observe({ type: 'phase-started', phase: branch }, 0);
    expect(timeLeft.phaseSeconds(branch, 0)).toBeUndefined();
    progress(timeLeft, 0.1, 20);
    progress(timeLeft, 0.5, 60);
    expect(timeLeft.phaseSeconds(branch, 60_000)).toBeCloseTo(50, 6);
    expect(timeLeft.seconds(60_000)).toBeCloseTo(150, 6);
  });

  it('does not take for work of now what a resumed phase had done before it waited and fetched', () => {
    const timeLeft = follow();
    timeLeft.observe({ type: 'phase-started', phase: branch }, 0);
    progress(timeLeft, 0, 1);
    progress(timeLeft, 0.8, 40);
    expect(timeLeft.phaseSeconds(branch, 40_000)).toBeUndefined();
    progress(timeLeft, 0.9, 60);
    expect(timeLeft.phaseSeconds(branch, 60_000)).toBeCloseTo(20, 6);
  });

  it('corrects what has not begun by what finished phases took, but not by a resumed one', () => {
    const [whole, resumed] = [follow(), follow()];
    for (const timeLeft of [whole, resumed]) {
      timeLeft.observe({ type: 'phase-started', phase: branch }, 0);
      progress(timeLeft, timeLeft === whole ? 0.01 : 0.7, 10);
      timeLeft.observe({ type: 'phase-finished', phase: branch, record: { seconds: 200 } as never }, 200_000);
    }
    expect(whole.seconds(200_000)).toBeCloseTo((100 * 220) / 120, 6);
    expect(resumed.seconds(200_000)).toBe(100);
  });

  it('does not wait for what a failed phase has taken with it', () => {
    const [asked, reported] = [phase('asked', { model: 'branch' }), phase('report', { asked: 'asked' })];
    const timeLeft = createTimeLeft([branch, evaluation, asked, reported], () => 100, 1);
    timeLeft.observe({ type: 'phase-started', phase: branch }, 0);
    timeLeft.observe({ type: 'phase-failed', phase: branch, error: new Error('no space') }, 10_000);
    expect(timeLeft.seconds(10_000)).toBe(100);
  });
});
