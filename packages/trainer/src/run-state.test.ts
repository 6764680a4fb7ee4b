import { describe, expect, it } from 'vitest';
import { beginRun, branchRun, type Checkpoint, initialiseRun, resumeRun } from './run-state.ts';
import type { CosineSchedule, Schedule } from './schedule.ts';

const main: CosineSchedule = { kind: 'cosine', lrPeak: 3e-3, lrMin: 3e-5, warmupSteps: 10, totalSteps: 100 };
const checkpoint: Checkpoint = {
  path: 'runs/main/named-80',
  checksum: 'c0ffee',
  train: {
    params: { a: Float32Array.of(1, 2), b: Float32Array.of(3) },
    m: { a: Float32Array.of(4, 5), b: Float32Array.of(6) },
    v: { a: Float32Array.of(7, 8), b: Float32Array.of(9) },
    step: 80,
  },
  state: {
    run: 'main',
    step: 80,
    tokens: 5120,
    lossTokens: 5000,
    batches: 81,
    skippedBatches: [7],
    data: { version: 1, source: 3, offset: 2, accounting: { batches: 81, rows: 162, padding: 0, sources: {} } },
    schedule: main,
    numerics: 'engine 1',
  },
};
const continued: Schedule = { kind: 'continued', from: main, atStep: 80, lrMin: 3e-5, totalSteps: 20 };
const branch = { run: 'branch-80', schedule: continued, numerics: 'engine 1' };

it('resume carries everything', () => {
  expect(resumeRun(checkpoint)).toEqual({ train: checkpoint.train, state: checkpoint.state });
});

describe('branch', () => {
  it('carries weights and moments with their own step count, and starts everything else anew', () => {
    const { train, state } = branchRun(checkpoint, {
      ...branch,
      moments: 'carry',
      add: { projector: Float32Array.of(1, 1) },
    });
    expect(train).toEqual({
      params: { ...checkpoint.train.params, projector: Float32Array.of(1, 1) },
      m: { ...checkpoint.train.m, projector: new Float32Array(2) },
      v: { ...checkpoint.train.v, projector: new Float32Array(2) },
      step: 80,
    });
    expect(state).toEqual({
      run: 'branch-80',
      step: 0,
      tokens: 0,
      lossTokens: 0,
      batches: 0,
      skippedBatches: [],
      data: null,
      schedule: continued,
      numerics: 'engine 1',
      parent: {
        how: 'branch',
        run: 'main',
        step: 80,
        tokens: 5120,
        checksum: 'c0ffee',
        moments: 'carried',
        added: ['projector'],
      },
    });
  });

  it('resets the moments when asked to, and leaves the parent as it is', () => {
    const { train, state } = branchRun(checkpoint, { ...branch, moments: 'reset' });
    expect(train).toEqual(beginRun({ ...branch, params: checkpoint.train.params }).train);
    expect(state.parent!.moments).toBe('reset');
    train.params['a']![0] = 99;
    expect(checkpoint.train.params['a']![0]).toBe(1);
  });

  it('does not add what is there', () => {
    expect(() => branchRun(checkpoint, { ...branch, moments: 'carry', add: { a: new Float32Array(2) } })).toThrow(
      /got a, which it has/,
    );
  });

  it('refuses a schedule that makes no sense before anything runs', () => {
    expect(() =>
      branchRun(checkpoint, { ...branch, schedule: { ...main, lrMin: Number.NaN }, moments: 'carry' }),
    ).toThrow(/lrMin/);
  });
});

describe('what a new run is given', () => {
  it('moments that are neither carried nor reset', () => {
    expect(() => branchRun(checkpoint, { ...branch, moments: 'carried' as never })).toThrow(
      /moments to be one of carry, reset, got "carried"/,
    );
  });

  it('a schedule with a field that nothing reads; a checkpoint with one goes on', () => {
    const stray = { ...main, lrfloor: 1e-4 } as Schedule;
    expect(() => beginRun({ ...branch, schedule: stray, params: {} })).toThrow(
      /unknown field "lrfloor"; expected kind, .*lrFloor/,
    );
    const old = { ...checkpoint, state: { ...checkpoint.state, schedule: stray } };
    expect(resumeRun(old).state.schedule).toBe(stray);
    const from = { ...continued, from: stray } as Schedule;
    expect(branchRun(old, { ...branch, schedule: from, moments: 'carry' }).state.schedule).toBe(from);
  });
});

describe('initialise', () => {
  const fresh = { a: Float32Array.of(0, 0), head: Float32Array.of(5) };
  it('takes weights alone, and only those that it was told may stay fresh stay fresh', () => {
    const { train, state } = initialiseRun(checkpoint, { ...branch, params: fresh, fresh: ['head'] });
    expect(train).toEqual(
      beginRun({ ...branch, params: { a: Float32Array.of(1, 2), head: Float32Array.of(5) } }).train,
    );
    expect(state.parent).toMatchObject({ how: 'initialise', moments: 'reset', added: ['head'] });
    expect(
      initialiseRun(checkpoint, { ...branch, params: fresh, fresh: ['head'], replace: ['a'] }).train.params,
    ).toEqual(fresh);
  });

  it('refuses names that are no parameter, which would leave weights carried or fresh without a word', () => {
    const misspelt = { ...branch, params: { a: Float32Array.of(8, 9) } };
    expect(() => initialiseRun(checkpoint, { ...misspelt, replace: ['A'] })).toThrow(/replace to be one of a, got "A"/);
    expect(() => initialiseRun(checkpoint, { ...misspelt, fresh: ['head'] })).toThrow(
      /fresh to be one of a, got "head"/,
    );
  });

  it('refuses what is missing and what has another size', () => {
    expect(() => initialiseRun(checkpoint, { ...branch, params: fresh })).toThrow(
      /expected parameter "head" in .*; name it in fresh/,
    );
    expect(() => initialiseRun(checkpoint, { ...branch, params: { a: new Float32Array(3) } })).toThrow(
      /"a": expected 3 values, got 2/,
    );
  });
});
