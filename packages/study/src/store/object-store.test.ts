import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Store, StoredFile } from '../store.ts';
import { memoryObjects } from '../testing/memory-objects.ts';
import { contractStudy, contractPhase as phase, readFiles, recordOf, writeFiles } from '../testing/store-contract.ts';
import { openLocalCache } from './local-cache.ts';
import { openObjectStore } from './object-store.ts';
import type { Objects } from './objects.ts';
import { phaseName } from './store-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'object-store-'));
  vi.stubEnv('STAGED_VLM_CLAIM_SECONDS', '2');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});
let machines = 0;
const machine = (objects: Objects, directory = join(folder, `${++machines}`), bytes = 1e9): Promise<Store> =>
  openObjectStore(objects, () => openLocalCache(directory, bytes));

/** Fails the nth operation and every one after it, as a process that is killed there does nothing more. */
function killedAt(n: number) {
  let count = 0;
  const memory = memoryObjects(() => {
    if (++count > n && memory.isArmed) throw new Error('killed');
  }) as ReturnType<typeof memoryObjects> & { isArmed: boolean; operations(): number };
  memory.isArmed = false;
  return Object.assign(memory, {
    arm() {
      count = 0;
      memory.isArmed = true;
    },
    disarm() {
      memory.isArmed = false;
    },
    operations: () => count,
  });
}

const files = { 'metrics.jsonl': '1\n2\n', 'checkpoints/named-final/w': 'final', 'a/b': 'x' };

describe('a store of objects', () => {
  it('shows a phase whole or not at all, wherever its writer is killed, and the next one finishes it', async () => {
    for (let n = 0; ; n++) {
      const memory = killedAt(n);
      const writer = await machine(memory.objects);
      const other = await machine(memory.objects);
      await writeFiles(writer, files);
      memory.arm();
      const isKilled = await writer.finish(phase, recordOf({ by: 'writer' })).then(
        () => false,
        (error: Error) => {
          expect(error.message).toBe('killed');
          return true;
        },
      );
      memory.disarm();
      const record = await other.record(phase);
      if (record) {
        await other.fetch(phase);
        expect(await readFiles(other)).toEqual(files);
      } else {
        expect(isKilled).toBe(true);
        const next = await machine(memory.objects);
        await writeFiles(next, { ...files, 'a/b': 'of the next' });
        await next.finish(phase, recordOf({ by: 'next' }));
        await other.fetch(phase);
        expect(await readFiles(other)).toEqual({ ...files, 'a/b': 'of the next' });
        expect((await other.record(phase))!.summary).toEqual({ by: 'next' });
      }
      if (!isKilled) return expect(n).toBeGreaterThan(8);
    }
  });

  it('hands over the last whole progress, wherever saving is killed', async () => {
    for (let n = 0; ; n++) {
      const memory = killedAt(n);
      const writer = await machine(memory.objects);
      const claim = (await writer.claim(phase))!;
      await writeFiles(writer, { 'metrics.jsonl': '1\n', 'checkpoints/step-000000001/w': 'one' });
      await writer.saveProgress(phase);
      await rm(join(writer.phaseDirectory(phase), 'checkpoints/step-000000001'), { recursive: true });
      await writeFiles(writer, { 'metrics.jsonl': '1\n2\n', 'checkpoints/step-000000002/w': 'two' });
      memory.arm();
      const isKilled = await writer.saveProgress(phase).then(
        () => false,
        () => true,
      );
      memory.disarm();
      await claim.release();
      const next = await machine(memory.objects);
      await (await next.claim(phase))!.release();
      await next.restoreProgress(phase);
      const steps = await readdir(join(next.phaseDirectory(phase), 'checkpoints'));
      expect([['step-000000001'], ['step-000000002']]).toContainEqual(steps);
      expect((await readFiles(next))['metrics.jsonl']).toBe(steps[0] === 'step-000000001' ? '1\n' : '1\n2\n');
      await next.finish(phase, recordOf());
      if (!isKilled) return expect(n).toBeGreaterThan(4);
    }
  });

  it('keeps one save of an attempt, and of a finished phase nothing but its files', async () => {
    const { objects, content } = memoryObjects();
    const store = await machine(objects);
    await store.claim(phase);
    for (let step = 1; step <= 4; step++) {
      await rm(join(store.phaseDirectory(phase), 'checkpoints'), { recursive: true, force: true });
      await writeFiles(store, { same: 'same', [`checkpoints/step-00000000${step}/w`]: `${step}` });
      await store.saveProgress(phase);
      expect([...content.keys()].filter((key) => /^(files|progress)/.test(key))).toHaveLength(3);
    }
    await writeFiles(store, files);
    const record = await store.finish(phase, recordOf());
    const left = [...content.keys()].filter((key) => /^(files|progress)/.test(key));
    expect(left.sort()).toEqual(record.files!.map(({ object }) => object).sort());
  });

  it('holds nothing after a claim that came to nothing: neither the phase nor its local folder', async () => {
    let isDown = false;
    const { objects } = memoryObjects((operation, key) => {
      if (isDown && operation === 'list' && key.startsWith('files/')) throw new Error('down');
    });
    const directory = join(folder, 'no-claim');
    const store = await machine(objects, directory);
    const pins = (): Promise<string[]> => readdir(join(directory, 'pins', phaseName(phase)));
    await (await store.claim(phase))!.release();
    isDown = true; // What the attempt before had uploaded cannot be listed.
    await expect(store.claim(phase)).rejects.toThrow('down');
    expect(await pins()).toEqual([]);
    isDown = false;
    expect(await store.claimant(phase)).toBeUndefined();

    const claim = (await (await machine(objects)).claim(phase))!;
    await expect(store.claim(phase, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(await pins()).toEqual([]);
    await claim.release();
  });

  it('uploads nothing twice', async () => {
    const { objects, moved } = memoryObjects();
    const store = await machine(objects);
    await store.claim(phase);
    await writeFiles(store, { big: 'b'.repeat(1000), 'metrics.jsonl': '1\n' });
    await store.saveProgress(phase);
    expect(moved.up).toBe(1002);
    await writeFiles(store, { 'metrics.jsonl': '1\n2\n', 'copy-of-big': 'b'.repeat(1000) });
    await store.saveProgress(phase);
    await store.finish(phase, recordOf());
    expect(moved.up).toBe(1006);
  });

  it('uploads what it had not, after a restart on the same machine', async () => {
    let uploads = 0;
    let mostUploads = 3;
    const { objects, moved } = memoryObjects((operation) => {
      if (operation === 'upload' && ++uploads > mostUploads) throw new Error('cut off');
    });
    const directory = join(folder, 'same-machine');
    const before = await machine(objects, directory);
    const claim = (await before.claim(phase))!;
    await writeFiles(before, Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`f${i}`, `${i}`.repeat(100)])));
    await expect(before.finish(phase, recordOf())).rejects.toThrow('cut off');
    await claim.release();
    mostUploads = 100;
    const after = await machine(objects, directory);
    await after.claim(phase);
    await after.restoreProgress(phase);
    await after.finish(phase, recordOf());
    expect(moved.up).toBe(800);
  });

  it('lets a worker that was overtaken neither save nor publish, and remove nothing of the other', async () => {
    const { objects, content } = memoryObjects();
    const [a, b, c] = [await machine(objects), await machine(objects), await machine(objects)];
    const lost = (await a.claim(phase))!;
    await writeFiles(a, { from: 'a', 'checkpoints/step-000000001/w': 'a1' });
    await a.saveProgress(phase);
    // The machine of `a` stands still, and somebody else takes over.
    content.set(
      `claims/${phaseName(phase)}/000002.json`,
      Buffer.from('{"released":true,"holder":{"pid":1,"host":"x"}}'),
    );
    const claim = (await b.claim(phase))!;
    expect(claim.token).toBe(3);
    await b.restoreProgress(phase);
    await writeFiles(b, { from: 'b' });
    await b.saveProgress(phase);
    await writeFiles(a, { from: 'a again', 'checkpoints/step-000000002/w': 'a2' });
    await a.saveProgress(phase).catch(() => undefined);
    await c.restoreProgress(phase);
    expect((await readFiles(c))['from']).toBe('b');
    await new Promise((resolve) => (lost.signal.aborted ? resolve(0) : lost.signal.addEventListener('abort', resolve)));
    await expect(a.saveProgress(phase)).rejects.toMatchObject({ code: 'claim-lost' });
    await expect(a.finish(phase, recordOf({ by: 'a' }))).rejects.toMatchObject({ code: 'claim-lost' });
    expect((await b.finish(phase, recordOf({ by: 'b' }))).summary).toEqual({ by: 'b' });
    await c.fetch(phase);
    expect((await readFiles(c))['from']).toBe('b');
  });

  it('fetches only the files that are asked for', async () => {
    const { objects, moved } = memoryObjects();
    const [a, b] = [await machine(objects), await machine(objects)];
    await writeFiles(a, files);
    await a.finish(phase, recordOf());
    await b.fetch(phase, { files: (path) => path === 'a/b' });
    expect(await readFiles(b)).toEqual({ 'a/b': 'x' });
    await b.fetch(phase);
    expect(moved.down).toBe(Object.values(files).join('').length);
    await a.fetch(phase);
    expect(moved.down).toBe(Object.values(files).join('').length);
  });

  it('does not take a leftover of another attempt for the finished phase', async () => {
    const { objects } = memoryObjects();
    const [a, b] = [await machine(objects), await machine(objects)];
    await writeFiles(b, { 'a/b': 'y', stale: 'stale' });
    await writeFiles(a, files);
    await a.finish(phase, recordOf());
    await b.fetch(phase);
    expect(await readFiles(b)).toEqual(files);
  });

  it.each([
    ['a path that leaves the folder', (file: StoredFile) => ({ ...file, path: '../../etc/passwd' })],
    ['an absolute path', (file: StoredFile) => ({ ...file, path: '/etc/passwd' })],
    ['no checksum', ({ sha256: _, ...file }: StoredFile) => file],
  ])('refuses a record with %s', async (_, spoil) => {
    const { objects, content } = memoryObjects();
    const [a, b] = [await machine(objects), await machine(objects)];
    await writeFiles(a, files);
    const record = await a.finish(phase, recordOf());
    const key = `phases/${phaseName(phase)}/phase.json`;
    content.set(key, Buffer.from(JSON.stringify({ ...record, files: record.files!.map(spoil) })));
    await expect(b.fetch(phase)).rejects.toMatchObject({
      code: 'store-damaged',
      message: expect.stringContaining(key),
    });
  });

  it('refuses a store of another version and a damaged record', async () => {
    const { objects, content } = memoryObjects();
    content.set('store.json', Buffer.from('{"storeVersion":99}'));
    await expect(machine(objects)).rejects.toMatchObject({ code: 'store-version' });
    content.delete('store.json');
    const store = await machine(objects);
    content.set(`phases/${phaseName(phase)}/phase.json`, Buffer.from('{"hash":'));
    await expect(store.record(phase)).rejects.toMatchObject({ code: 'store-damaged' });
  });
});

describe('its local copies', () => {
  const phases = contractStudy.phases.slice(0, 6);
  let objects: Objects;
  let directory: string;
  const isHere = (index: number): boolean => existsSync(join(directory, 'phases', phaseName(phases[index]!), 'data'));
  beforeEach(async () => {
    ({ objects } = memoryObjects());
    directory = join(folder, `${++machines}`);
    const writer = await machine(objects);
    for (const [i, one] of phases.entries()) {
      await writeFiles(writer, { data: `${i}`.repeat(1000) }, one);
      await writer.finish(one, recordOf());
    }
  });
  /** Fetches and lets go, with a time of use that is told apart. */
  const use = async (store: Store, index: number, seconds: number): Promise<void> => {
    await (await store.fetch(phases[index]!))();
    const time = new Date(1e12 + seconds * 1000);
    await utimes(join(directory, 'notes', `${phaseName(phases[index]!)}.json`), time, time);
  };

  it('stay within their bound: what was not used for longest goes first', async () => {
    const store = await machine(objects, directory, 3500);
    for (const i of [0, 1, 2]) await use(store, i, i);
    await use(store, 0, 10);
    await use(store, 3, 11);
    expect([0, 1, 2, 3].map(isHere)).toEqual([true, false, true, true]);
    await use(store, 1, 12);
    expect([0, 1, 2, 3].map(isHere)).toEqual([true, true, false, true]);
  });

  it('are never removed while a living process uses them, and are once it is dead', async () => {
    const store = await machine(objects, directory, 2500);
    const release = await store.fetch(phases[0]!);
    const unpinned = await store.fetch(phases[1]!);
    await unpinned();
    await use(store, 2, 0);
    await use(store, 3, 1);
    expect(isHere(0)).toBe(true);
    await release();
    await use(store, 0, -1);
    await use(store, 4, 2);
    await use(store, 5, 3);
    expect(isHere(0)).toBe(false);
    const pins = join(directory, 'pins', phaseName(phases[5]!));
    await writeFile(
      join(pins, 'left'),
      JSON.stringify({ pid: 2 ** 22 + 1, host: (await import('node:os')).hostname() }),
    );
    await use(store, 1, 4);
    await use(store, 2, 5);
    expect(isHere(5)).toBe(false);
  });

  it('keep the work of an attempt that the store does not have', async () => {
    const store = await machine(objects, directory, 1500);
    const mine = contractStudy.phases.at(-1)!;
    await writeFiles(store, { work: 'w'.repeat(5000) }, mine);
    await use(store, 0, 0);
    await use(store, 1, 1);
    expect(await readFiles(store, mine)).toEqual({ work: 'w'.repeat(5000) });
    expect(isHere(0)).toBe(false);
  });

  it('say so when the disk has no room even then', async () => {
    const cache = openLocalCache(directory, 1e9);
    await expect(cache.makeRoom(1e18)).rejects.toMatchObject({
      code: 'no-space',
      message: expect.stringMatching(/1000000000000000000 bytes.*STAGED_VLM_CACHE/),
    });
  });
});
