import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckpointFiles, nodeFiles } from './checkpoint-files.ts';
import { type CheckpointStore, createCheckpointStore } from './checkpoint-store.ts';
import { beginRun, type RunStart } from './run-state.ts';
import type { Schedule } from './schedule.ts';
import type { TrainerError } from './trainer-error.ts';

const schedule: Schedule = { kind: 'constant', lrPeak: 1e-3, warmupSteps: 0 };
const params = {
  'a.weight': { shape: [2, 3], dtype: 'float32' as const },
  gain: { shape: [2], dtype: 'float32' as const },
};

const accounting = { batches: 3, rows: 6, padding: 1, sources: {} };

/** A run that has done `step` steps; every number in it depends on the step. */
function runAt(step: number): RunStart {
  const start = beginRun({
    run: 'main',
    schedule,
    numerics: 'test',
    params: {
      gain: Float32Array.of(step, -0),
      'a.weight': Float32Array.from({ length: 6 }, (_, i) => Math.fround(step + i / 3)),
    },
  });
  start.train.m['gain']!.set([step, Number.MIN_VALUE]);
  start.train.v['a.weight']!.fill(step / 7);
  return {
    train: { ...start.train, step: step + 1000 },
    state: {
      ...start.state,
      step,
      tokens: step * 64,
      data: { version: 1, source: { index: step }, offset: 1, accounting },
    },
  };
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'checkpoints-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const storeWith = (files?: CheckpointFiles, keep = 2): CheckpointStore =>
  createCheckpointStore({ directory, params, keep, ...(files ? { files } : {}) });

describe('round trip', () => {
  it('gives back every bit, in the order of the model’s parameters', async () => {
    await storeWith().save(runAt(3));
    const checkpoint = await storeWith().latest();
    expect(checkpoint).toMatchObject(runAt(3));
    expect(Object.keys(checkpoint!.train.params)).toEqual(Object.keys(params));
    expect(Object.is(checkpoint!.train.params['gain']![1], -0)).toBe(true);
  });

  it('an empty store has no checkpoint, and says so when one is asked for', async () => {
    const store = createCheckpointStore({ directory: join(directory, 'not', 'there'), params });
    expect(await store.latest()).toBeUndefined();
    await expect(store.open('branch-80')).rejects.toThrow(/expected "branch-80" in .*, got none/);
  });

  it('keeps the last few, and named ones for ever', async () => {
    const store = storeWith();
    await store.save(runAt(1), { name: 'start' });
    for (const step of [1, 2, 3, 4]) await store.save(runAt(step));
    expect((await readdir(directory)).sort()).toEqual(['named-start', 'step-000000003', 'step-000000004']);
    expect((await store.open('start')).state.step).toBe(1);
    expect((await store.open(3)).state.step).toBe(3);
    await expect(store.open(2)).rejects.toMatchObject({ code: 'no-checkpoint' });
  });

  it('the newest counts, also when it is a named one', async () => {
    const store = storeWith();
    await store.save(runAt(2));
    await store.save(runAt(9), { name: 'end' });
    expect(await store.latest()).toMatchObject({ name: 'end', state: { step: 9 } });
  });

  it('writing an earlier step drops the future that was given up', async () => {
    const store = storeWith();
    await store.save(runAt(5));
    await store.save(runAt(4));
    expect((await store.latest())!.state.step).toBe(4);
  });

  it('a named future stays, so that going back behind it is refused, unless it is broken', async () => {
    const store = storeWith();
    await store.save(runAt(10));
    await store.save(runAt(30), { name: 'best' });
    await expect(store.save(runAt(11))).rejects.toMatchObject({
      code: 'bad-state',
      message: expect.stringMatching(/after the checkpoint "best" .*, got step 11, .* remove named-best/),
    });
    await store.save(runAt(12), { name: 'other' });
    expect((await store.latest())!.state.step).toBe(30);
    await truncate(join(directory, 'named-best', 'weights.safetensors'), 40);
    await store.save(runAt(13));
    expect((await store.latest())!.state.step).toBe(13);
  });

  it('what could not be read back is not written, and drops nothing', async () => {
    const store = storeWith();
    for (const step of [10, 20]) await store.save(runAt(step));
    const { train, state } = runAt(30);
    const { gain: _, ...less } = train.params;
    await expect(store.save({ train: { ...train, params: less }, state })).rejects.toMatchObject({
      code: 'checkpoint-mismatch',
      message: expect.stringContaining('parameter gain'),
    });
    for (const step of [-1, 2.5, Number.NaN, '30' as never]) {
      const code = 'bad-state';
      await expect(store.save({ train, state: { ...state, step } })).rejects.toMatchObject({ code });
      await expect(store.save({ train: { ...train, step }, state })).rejects.toMatchObject({ code });
    }
    expect((await readdir(directory)).sort()).toEqual(['step-000000010', 'step-000000020']);
  });
});

describe('broken checkpoints', () => {
  const newest = 'step-000000002';
  const damages: [string, (path: string) => Promise<unknown>][] = [
    ['a part is cut', (path) => truncate(join(path, 'weights.safetensors'), 40)],
    ['a part is missing', (path) => rm(join(path, 'moments.safetensors'))],
    ['a bit of the weights flipped', (path) => flip(join(path, 'weights.safetensors'))],
    ['a bit of the moments flipped', (path) => flip(join(path, 'moments.safetensors'))],
    ['the state is cut', (path) => truncate(join(path, 'state.json'), 100)],
    ['the state is missing', (path) => rm(join(path, 'state.json'))],
    ['the state is other JSON', (path) => writeFile(join(path, 'state.json'), 'null')],
    [
      'a number of the state changed',
      (path) => edit(join(path, 'state.json'), (text) => text.replace('"tokens": 128', '"tokens": 129')),
    ],
  ];
  it.each(damages)('%s: the one before wins, and the caller is told', async (_, damage) => {
    const store = storeWith();
    await store.save(runAt(1));
    await store.save(runAt(2));
    await damage(join(directory, newest));
    const told: TrainerError[] = [];
    const checkpoint = await store.latest((problem) => told.push(problem));
    expect(checkpoint).toMatchObject(runAt(1));
    expect(told.map(({ code, message }) => [code, message.includes(newest)])).toEqual([['checkpoint-broken', true]]);
    await expect(store.open(2)).rejects.toMatchObject({ code: 'checkpoint-broken' });
  });

  it('one that cannot be read just now is not taken for broken', async () => {
    await storeWith().save(runAt(1));
    await storeWith().save(runAt(2));
    const read: CheckpointFiles['read'] = (path) =>
      path.includes(newest)
        ? Promise.reject(Object.assign(new Error('EMFILE'), { code: 'EMFILE' }))
        : nodeFiles.read(path);
    await expect(storeWith({ ...nodeFiles, read }).latest()).rejects.toMatchObject({ code: 'read-failed' });
  });

  it('none whole is an error, not a silent start from the beginning', async () => {
    const store = storeWith();
    await store.save(runAt(1));
    await store.save(runAt(1), { name: 'x' });
    await flip(join(directory, 'step-000000001', 'weights.safetensors'));
    await rm(join(directory, 'named-x', 'state.json'));
    await expect(store.latest()).rejects.toThrow(/none of the 2 in .* is whole/);
  });

  it('one of another version is an error that says what to do', async () => {
    await storeWith().save(runAt(1));
    await edit(join(directory, 'step-000000001', 'state.json'), (text) => text.replace('"version": 1', '"version": 7'));
    await expect(storeWith().latest()).rejects.toThrow(
      /expected version 1, got 7; read it with the release that wrote it/,
    );
  });

  it('one of another model is an error that names the parameter', async () => {
    await storeWith().save(runAt(1));
    const other = (changed: object) => createCheckpointStore({ directory, params: { ...params, ...changed } }).latest();
    await expect(other({ gain: { shape: [1, 2], dtype: 'float32' } })).rejects.toThrow(
      /gain as \[1, 2\] F32, got \[2\] F32/,
    );
    await expect(other({ more: { shape: [1], dtype: 'float32' } })).rejects.toThrow(/parameter more, which it lacks/);
    const { gain, ...fewer } = params;
    await expect(createCheckpointStore({ directory, params: fewer }).latest()).rejects.toThrow(/no parameter gain/);
    await expect(createCheckpointStore({ directory, params: { gain } }).save(runAt(2))).rejects.toThrow(
      /no shape of parameter "a.weight"/,
    );
  });
});

describe('a disk that fails', () => {
  const failing = (code: string, at: (path: string) => boolean): CheckpointFiles => ({
    ...nodeFiles,
    async write(path, bytes) {
      if (!at(path)) return nodeFiles.write(path, bytes);
      await nodeFiles.write(path, bytes.subarray(0, bytes.length >> 1));
      throw Object.assign(new Error(`${code}: simulated`), { code });
    },
  });

  it.each([
    ['ENOSPC', 'no-space', /no space left to write .*Earlier checkpoints are untouched/],
    ['EDQUOT', 'no-space', /no space left/],
    ['EROFS', 'read-only', /cannot be written \(EROFS\).*writable folder/],
    ['EACCES', 'read-only', /EACCES/],
    ['EIO', 'write-failed', /EIO: simulated/],
  ])('%s → %s', async (code, expected, message) => {
    await storeWith().save(runAt(1));
    const store = storeWith(failing(code, (path) => path.endsWith('moments.safetensors')));
    await expect(store.save(runAt(2))).rejects.toMatchObject({
      code: expected,
      message: expect.stringMatching(message),
    });
    expect(await readdir(directory)).toEqual(['step-000000001']);
    expect(await storeWith().latest()).toMatchObject(runAt(1));
  });

  it('killed at any moment of any save, what is left opens as the state before or the state after', async () => {
    for (const name of [undefined, 'kept']) {
      for (let fatal = 1; ; fatal++) {
        await rm(directory, { recursive: true, force: true });
        const calm = storeWith();
        const options = name === undefined ? {} : { name };
        await calm.save(runAt(1), options);
        // The same folder again, with other content: a run that was resumed from an earlier step does this.
        const before = runAt(1);
        const after = { ...runAt(1), state: { ...runAt(1).state, tokens: 77 } };
        const survived = await saveUntilKilled(after, options, fatal);
        const found = await calm.latest();
        expect([before.state.tokens, after.state.tokens]).toContain(found!.state.tokens);
        expect(found!.train).toEqual(before.train);
        await calm.save(runAt(2), options);
        expect((await calm.latest())!.state.step).toBe(2);
        if (survived) {
          expect(found!.state.tokens).toBe(77);
          expect(fatal).toBeGreaterThan(8);
          break;
        }
      }
    }
  });

  /** Saves through files of which the n-th operation, half done, is the last: nothing at all works after it. */
  async function saveUntilKilled(run: RunStart, options: { name?: string }, fatal: number): Promise<boolean> {
    let operations = 0;
    const mortal = Object.fromEntries(
      Object.entries(nodeFiles).map(([key, operation]) => [
        key,
        async (...args: never[]) => {
          operations++;
          if (operations === fatal && key === 'write') {
            const [path, bytes] = args as unknown as [string, Uint8Array];
            await nodeFiles.write(path, bytes.subarray(0, bytes.length - 1));
          }
          if (operations >= fatal) throw new Error('killed');
          return (operation as (...a: never[]) => unknown)(...args);
        },
      ]),
    ) as unknown as CheckpointFiles;
    return storeWith(mortal)
      .save(run, options)
      .then(
        () => true,
        () => false,
      );
  }
});

it('names cannot leave the folder', async () => {
  await expect(storeWith().save(runAt(1), { name: '../x' })).rejects.toThrow(/letters, digits, .* got "..\/x"/);
  expect(() => storeWith(undefined, 0)).toThrow(/keep to be an integer of at least 1, got 0/);
});

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length - 3]! ^= 4;
  await writeFile(path, bytes);
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  const before = await readFile(path, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(path, after);
}
