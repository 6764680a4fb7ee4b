import { describe, expect, it } from 'vitest';
import { createMixture, fromArray, MixtureError, type MixtureSource, type MixtureState } from './index.ts';
import { chunkShards, intervalShards, resampledShards } from './openlm/index.ts';

function source(name: string, more: Partial<MixtureSource<number>> = {}): MixtureSource<number> {
  return {
    name,
    weight: 1,
    open: (state) => fromArray([1, 2, 3], state),
    cost: (n) => n,
    whenExhausted: 'stop',
    ...more,
  };
}

function thrownBy(action: () => unknown): MixtureError {
  try {
    action();
  } catch (error) {
    if (MixtureError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('expected an error');
}

const saved: MixtureState = {
  version: 1,
  delivered: { a: 3 },
  items: { a: 2 },
  epochs: { a: 0 },
  sources: { a: { index: 2 } },
  ended: [],
};

describe('arguments that cannot work', () => {
  it.each([
    ['no sources', [], /at least one source/],
    ['two of one name', [source('a'), source('a')], /two sources are called "a"/],
    ['no name', [source('')], /to have a name/],
    ['weight zero', [source('a', { weight: 0 })], /source "a".*positive weight, got 0/],
    ['negative weight', [source('a', { weight: -1 })], /got -1/],
    ['weight NaN', [source('a', { weight: Number.NaN })], /got NaN/],
    ['no list', undefined as never, /sources: expected a list of sources, got undefined/],
    [
      'nothing to open',
      [source('a', { open: undefined as never })],
      /"a": expected open to be a function, got undefined/,
    ],
    ['no cost', [source('a', { cost: 1 as never })], /"a": expected cost to be a function, got number/],
    [
      'weights without a sum',
      [source('a', { weight: 1e308 }), source('b', { weight: 1e308 })],
      /the weights: expected a finite sum, got Infinity/,
    ],
    [
      'a misspelt limit',
      [source('a', { limit: { items: 3 } } as never)],
      /source "a": unknown field "limit"; expected name, .* limits/,
    ],
    ['weight infinite', [source('a', { weight: Number.POSITIVE_INFINITY })], /got Infinity/],
    ['unknown whenExhausted', [source('a', { whenExhausted: 'loop' as never })], /"repeat".*got "loop"/],
  ])('%s', (_, sources, message) => {
    const error = thrownBy(() => createMixture({ sources }));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(message);
  });

  it('a misspelt option', () => {
    const error = thrownBy(() => createMixture({ sources: [source('a')], polcy: 'exact' } as never));
    expect(error.message).toMatch(/a mixture: unknown field "polcy"; expected sources, schedule, state, policy/);
  });

  it('misspelt field of a policy', () => {
    for (const [policy, message] of [
      [{ kind: 'random', seed: 1, item: 2 }, /policy: unknown field "item"; expected kind, seed/],
      [{ kind: 'per-batch', seed: 1, items: 2, size: 3 }, /policy: unknown field "size"; expected kind, seed, items/],
    ] as const)
      expect(thrownBy(() => createMixture({ sources: [source('a')], policy: policy as never })).message).toMatch(
        message,
      );
  });

  it('unknown policy', () => {
    const batch = { kind: 'per-batch', seed: 1 };
    for (const policy of [
      'greedy',
      { kind: 'random' },
      { kind: 'random', seed: 0.5 },
      batch,
      { ...batch, items: 0 },
      null,
    ] as never[]) {
      expect(thrownBy(() => createMixture({ sources: [source('a')], policy })).message).toMatch(
        /policy: expected "exact"/,
      );
    }
  });
});

describe('limits and schedules that cannot work', () => {
  const bare = (name: string) => source(name, { weight: undefined });
  it.each<[string, Partial<MixtureSource<number>>, RegExp]>([
    ['unknown limit', { limits: { tokens: 3 } as never }, /unknown limit "tokens"; expected epochs, items, cost/],
    ['half an item', { limits: { items: 0.5 } }, /limits.items.*whole number of at least 1, got 0.5/],
    ['cost 0', { limits: { cost: 0 } }, /limits.cost.*positive number, got 0/],
    ['passes of a source that stops', { limits: { epochs: 2 } }, /counts passes of a source that repeats/],
    ['no choice at the limit', { limits: { items: 2 }, whenExhausted: 'repeat' }, /whenLimited to be "stop" or/],
    ['whenLimited "repeat"', { limits: { items: 2 }, whenLimited: 'repeat' as never }, /got "repeat"/],
    ['whenLimited alone', { whenLimited: 'stop' }, /whenLimited is given, but no limits/],
  ])('%s', (_, more, message) => {
    const error = thrownBy(() => createMixture({ sources: [source('a', more)] }));
    expect([error.code, error.source]).toEqual(['invalid-argument', 'a']);
    expect(error.message).toMatch(message);
  });

  it.each<[string, unknown, RegExp]>([
    ['no knots', [], /at least one knot/],
    ['no list', { at: 0 }, /at least one knot/],
    ['a late beginning', [{ at: 5, weights: { a: 1 } }], /schedule\[0\].at: expected 0 in the first knot, got 5/],
    [
      'disorder',
      [
        { at: 0, weights: { a: 1 } },
        { at: 0, weights: { a: 1 } },
      ],
      /schedule\[1\].at: expected more than 0/,
    ],
    ['a ramp from nowhere', [{ at: 0, weights: { a: 1 }, ramp: 'linear' }], /ramp: expected none in the first knot/],
    [
      'an unknown ramp',
      [
        { at: 0, weights: { a: 1 } },
        { at: 1, weights: { a: 1 }, ramp: 'sine' },
      ],
      /got "sine"/,
    ],
    [
      'a misspelt field',
      [
        { at: 0, weights: { a: 1 } },
        { at: 1, weights: { a: 1 }, Ramp: 'cosine' },
      ],
      /schedule\[1\]: unknown field "Ramp"; expected at, weights, ramp/,
    ],
    ['another source', [{ at: 0, weights: { a: 1, z: 1 } }], /sources "a" and no other, got "a", "z"/],
    ['no weights', [{ at: 0 }], /got none/],
    ['a negative weight', [{ at: 0, weights: { a: -1 } }], /weights\["a"\]: expected a number from 0, got -1/],
    ['all zero', [{ at: 0, weights: { a: 0 } }], /all have 0/],
    ['a knot of nothing', [null], /schedule\[0\]: expected \{ at, weights \}, got null/],
  ])('%s', (_, schedule, message) => {
    const error = thrownBy(() => createMixture({ sources: [bare('a')], schedule: schedule as never }));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(message);
  });

  it('a source without any weight, a weight beside a schedule, none without', () => {
    const schedule = [{ at: 0, weights: { a: 1, b: 0 } }];
    expect(thrownBy(() => createMixture({ sources: [bare('a'), bare('b')], schedule })).message).toMatch(
      /"b" has the weight 0/,
    );
    expect(thrownBy(() => createMixture({ sources: [source('a')], schedule })).message).toMatch(
      /no weight beside a schedule/,
    );
    expect(thrownBy(() => createMixture({ sources: [bare('a')] })).message).toMatch(/positive weight, got undefined/);
  });
});

describe('readers of OpenLM that cannot be repeated', () => {
  const manifests = [[{ shard: '00', sequences: 10 }]];
  const plan = { manifests, samples: 5, next: [0], readers: 1 };
  it.each<[string, () => unknown, RegExp]>([
    ['a weight that is none', () => draw([1, Number.NaN]), /weights from 0 .* got 1, NaN/],
    ['a negative weight', () => draw([1, -1]), /got 1, -1/],
    ['no weight at all', () => draw([0, 0]), /positive, finite sum, got 0, 0/],
    ['no readers', () => intervalShards({ ...plan, readers: 0 }), /readers to be a whole number of at least 1, got 0/],
    ['samples that are none', () => intervalShards({ ...plan, samples: Number.NaN }), /got NaN samples/],
    ['a negative shard', () => intervalShards({ ...plan, next: [-1] }), /next\[0\] to be a whole number .* got -1/],
    ['weights of nothing', () => intervalShards({ ...plan, weights: [0] }), /positive, finite sum of the weights/],
    ['a negative chunk', () => chunkShards(manifests[0]!, 1, -1), /chunk to be a whole number .* got -1/],
  ])('%s', (_, action, message) => {
    const error = thrownBy(action);
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(message);
  });
  const draw = (weights: number[]) => resampledShards(['a', 'b'], { seed: 1, epoch: 0, weights }).next();
});

describe('a state that does not fit', () => {
  it('resumes when it fits', async () => {
    const mixture = createMixture({ sources: [source('a')], state: saved });
    expect((await mixture.next()).value).toEqual({ source: 'a', item: 3, cost: 3 });
  });

  it.each([
    ['of other sources', saved, [source('b')], /knows "a", the mixture has "b"/],
    ['of fewer sources', saved, [source('a'), source('b')], /knows "a", the mixture has "a", "b"/],
    ['of another version', { ...saved, version: 2 as never }, [source('a')], /version 1, got 2/],
    ['null', null as never, [source('a')], /version 1, got undefined/],
    ['a negative count', { ...saved, items: { a: -1 } }, [source('a')], /state.items\["a"\].*got -1/],
    ['half an item', { ...saved, items: { a: 0.5 } }, [source('a')], /state.items\["a"\].*got 0.5/],
    ['an ended source that is not there', { ...saved, ended: ['z'] }, [source('a')], /"z"/],
    ['a limited source that is not there', { ...saved, limited: ['z'] }, [source('a')], /"z"/],
    ['a batch of none', { ...saved, batch: { draws: 1, left: 1, source: 'z' } }, [source('a')], /"z"/],
    ['half a batch', { ...saved, batch: { draws: 1, left: 0.5, source: 'a' } }, [source('a')], /state.batch/],
    ['targets of others', { ...saved, origin: { total: 1, targets: { z: 1 } } }, [source('a')], /state.origin.*"a"/],
    ['no targets', { ...saved, origin: { total: 1 } as never }, [source('a')], /state.origin/],
    ['without the ended', { ...saved, ended: undefined as never }, [source('a')], /state.ended: .* got undefined/],
    ['a missing record', { ...saved, epochs: undefined as never }, [source('a')], /knows none/],
  ])('%s', (_, state, sources, message) => {
    const error = thrownBy(() => createMixture({ sources, state }));
    expect(error.code).toBe('invalid-state');
    expect(error.message).toMatch(message);
  });

  it('of another array', () => {
    for (const state of [{ index: 4 }, { index: -1 }, { index: 0.5 }, {}, null, 'x']) {
      expect(thrownBy(() => fromArray([1, 2, 3], state)).code).toBe('invalid-state');
    }
  });
});

describe('sources that fail', () => {
  it.each(['stop', 'repeat', 'renormalise'] as const)(
    'an empty source is an error, not an endless loop (%s)',
    async (whenExhausted) => {
      const mixture = createMixture({
        sources: [
          source('full', { whenExhausted: 'repeat' }),
          source('void', { open: () => fromArray([]), whenExhausted }),
        ],
      });
      await expect(mixture.next()).rejects.toMatchObject({ code: 'empty-source', source: 'void' });
    },
  );

  it('a source that is empty from its second pass on is an error', async () => {
    const open = (state?: unknown, pass?: { epoch: number }) => fromArray(pass?.epoch === 0 ? [1] : [], state);
    const mixture = createMixture({ sources: [source('a', { open, whenExhausted: 'repeat' })] });
    await mixture.next();
    await expect(mixture.next()).rejects.toMatchObject({ code: 'empty-source' });
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '3' as never])('a cost of %s is an error', async (cost) => {
    const mixture = createMixture({ sources: [source('a', { cost: () => cost as number })] });
    await expect(mixture.next()).rejects.toMatchObject({ code: 'invalid-cost', source: 'a' });
  });

  it('a source that throws fails the mixture for good, and the state is the one before', async () => {
    let calls = 0;
    const open = () => ({
      next: async () => {
        if (calls++ === 1) throw new Error('disk on fire');
        return { done: false as const, value: 1 };
      },
      state: () => calls,
    });
    const mixture = createMixture({ sources: [source('a', { open })] });
    await mixture.next();
    await expect(mixture.next()).rejects.toThrow('disk on fire');
    await expect(mixture.next()).rejects.toThrow('disk on fire');
    expect(mixture.state()).toMatchObject({ items: { a: 1 }, sources: { a: 1 } });
  });
});
