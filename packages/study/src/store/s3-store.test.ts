/** What can go wrong with a store in S3, against a server that speaks S3: every failure is a StudyError that says what to do. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../../store-s3/src/testing/fault-proxy.ts';
import { hasTestS3, startTestS3, type TestS3 } from '../../../store-s3/src/testing/s3-server.ts';
import { childProcessRunner } from '../child-process-runner.ts';
import { findStore, openStore, type Store } from '../store.ts';
import { StudyError } from '../study-error.ts';
import { memoryObjects } from '../testing/memory-objects.ts';
import { contractStudy, contractPhase as phase, readFiles, recordOf, writeFiles } from '../testing/store-contract.ts';
import { openLocalCache } from './local-cache.ts';
import { openObjectStore } from './object-store.ts';
import { explainObjectError } from './objects.ts';
import { loadPackage } from './open-s3-store.ts';
import { phaseName } from './store-files.ts';

const isThere = await hasTestS3();
if (!isThere) it.skip('S3: the package @20minutes/s3rver is not installed', () => {});

const files = { 'metrics.jsonl': '1\n', 'checkpoints/named-final/w': 'final' };

describe.runIf(isThere)('a store in S3', () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let folder: string;
  let location: string;
  let number = 0;
  beforeAll(async () => {
    s3 = await startTestS3();
    proxy = await startFaultProxy({ target: s3.endpoint });
    folder = await mkdtemp(join(tmpdir(), 's3-store-'));
    const env = { ...s3.env, AWS_ENDPOINT_URL: proxy.endpoint, STAGED_VLM_S3_PATIENCE_SECONDS: '20' };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy.close();
    await s3.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    location = `s3://lab/studies/${++number}`;
  });
  const machine = (): Promise<Store> => openStore(location, { cacheDirectory: join(folder, `${++number}`) });

  /** The stored object of one file, as it lies on the server's disk. */
  const objectOf = async (store: Store, path: string): Promise<string> => {
    const { object } = (await store.record(phase))!.files!.find((file) => file.path === path)!;
    return `${join(s3.directory, location.slice('s3://'.length), object)}._S3rver_object`;
  };

  it('keeps its contract while one request in ten fails', async () => {
    Object.assign(proxy.faults, { refused: 0.04, unanswered: 0.03, cut: 0.03 });
    try {
      const writers = await Promise.all([machine(), machine(), machine()]);
      for (const [i, store] of writers.entries()) await writeFiles(store, { ...files, by: `${i}` });
      const records = await Promise.all(writers.map((store, i) => store.finish(phase, recordOf({ by: `${i}` }))));
      const by = records[0]!.summary['by'] as string;
      for (const record of records) expect(record).toEqual(records[0]);
      const reader = await machine();
      await reader.fetch(phase);
      expect(await readFiles(reader)).toEqual({ ...files, by });
    } finally {
      Object.assign(proxy.faults, { refused: 0, unanswered: 0, cut: 0 });
    }
    expect(proxy.made.refused + proxy.made.unanswered + proxy.made.cut).toBeGreaterThan(0);
  }, 60_000);

  it('is not made by looking for it', async () => {
    expect(await findStore(location)).toBeUndefined();
    expect(await findStore(location)).toBeUndefined();
    await machine();
    expect((await findStore(location, { cacheDirectory: folder }))?.location).toBe(location);
  });

  it.each([
    ['a bucket that is not there', 's3://nowhere/x', 'no-bucket', /Make the bucket first/],
    ['an address that is none', 's3://lab/../x', 'bad-store', /Expected s3:\/\/bucket\/prefix/],
    ['another scheme', 'gs://lab/x', 'bad-store', /folder or s3:\/\/bucket\/prefix.*gs:\/\//],
  ])('says what is wrong with %s', async (_, place, code, message) => {
    const error = await openStore(place).catch((caught: unknown) => caught);
    expect(StudyError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('says that access was denied without naming the secret', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'UNKNOWN').stubEnv('AWS_SECRET_ACCESS_KEY', 'hunter2hunter2');
    const error = (await openStore(location).catch((caught: unknown) => caught)) as Error;
    for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value);
    expect(error).toMatchObject({ code: 'access-denied', message: expect.stringContaining('PutObject') });
    expect(`${error.message} ${error.stack}`).not.toContain('hunter2');
  });

  it('refuses a server that does not keep conditional writes', async () => {
    const old = await startTestS3({ conditions: false });
    vi.stubEnv('AWS_ENDPOINT_URL', old.endpoint);
    await expect(machine()).rejects.toMatchObject({ code: 'no-conditions', message: expect.stringContaining('MinIO') });
    vi.stubEnv('AWS_ENDPOINT_URL', proxy.endpoint);
    await old.close();
  });

  it('names the phase to delete where an object has vanished or is damaged', async () => {
    const writer = await machine();
    await writeFiles(writer, files);
    await writer.finish(phase, recordOf());
    const object = await objectOf(writer, 'metrics.jsonl');
    const whole = await readFile(object);
    await writeFile(object, '2\n');
    const reader = await machine();
    const expected = {
      code: 'store-damaged',
      message: expect.stringContaining(`phases/${phaseName(phase)}/phase.json`),
    };
    await expect(reader.fetch(phase)).rejects.toMatchObject(expected);
    await expect(reader.peek(phase, 'metrics.jsonl')).rejects.toMatchObject({ code: 'store-damaged' });
    await rm(object);
    await expect(reader.fetch(phase)).rejects.toMatchObject(expected);
    await writeFile(object, whole);
    await reader.fetch(phase);
    expect(await readFiles(reader)).toEqual(files);
  });

  it('is opened by a phase’s own process with the folder for copies that it was opened with', async () => {
    const writer = await machine();
    await writer.finish(phase, recordOf());
    const cacheDirectory = join(folder, `${++number}`);
    const store = await openStore(location, { cacheDirectory, cacheBytes: 1e9 });
    expect(store.cache).toEqual({ cacheDirectory, cacheBytes: 1e9 });
    vi.stubEnv('STAGED_VLM_CACHE', join(folder, 'default'));
    const hooks = { signal: new AbortController().signal, onProgress: () => {}, onWarning: () => {} };
    expect(await childProcessRunner(store).run(phase, contractStudy, hooks)).toMatchObject({ hash: phase.hash });
    // Whoever looks whether a phase is finished leaves a folder for its pins.
    expect(existsSync(join(store.directory, 'pins', phaseName(phase)))).toBe(true);
    expect(existsSync(join(folder, 'default'))).toBe(false);
  }, 60_000);

  it('goes on after an outage that is shorter than its patience', async () => {
    const store = await machine();
    await writeFiles(store, files);
    proxy.faults.isDown = true;
    setTimeout(() => {
      proxy.faults.isDown = false;
    }, 1500);
    await store.finish(phase, recordOf());
    expect(await (await machine()).record(phase)).toBeDefined();
  });
});

describe('whichever objects', () => {
  it('says where the disk was full when a copy could not be written', async () => {
    const { objects } = memoryObjects();
    const folder = await mkdtemp(join(tmpdir(), 'full-'));
    const writer = await openObjectStore(objects, () => openLocalCache(join(folder, 'a'), 1e9));
    await writeFiles(writer, files);
    await writer.finish(phase, recordOf());
    const full = { ...objects, download: () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })) };
    const reader = await openObjectStore(full, () => openLocalCache(join(folder, 'b'), 1e9));
    await expect(reader.fetch(phase)).rejects.toMatchObject({
      code: 'no-space',
      message: expect.stringContaining(join(folder, 'b')),
    });
    await rm(folder, { recursive: true });
  });

  it.each([
    ['clock-skew', 'clock-skew'],
    ['wrong-region', 'wrong-region'],
    ['no-credentials', 'no-credentials'],
    ['unreachable', 'unreachable'],
    ['object-missing', 'store-damaged'],
    ['something new', 'unreachable'],
  ])('tells %s as %s', (code, expected) => {
    const error = Object.assign(new Error('what to do'), { name: 'S3StoreError', code });
    expect(explainObjectError(error)).toMatchObject({ name: 'StudyError', code: expected, message: 'what to do' });
    const other = new TypeError('a bug');
    expect(explainObjectError(other)).toBe(other);
  });

  it('says which package to install where it is not there', () =>
    expect(loadPackage('@vlm/store-nowhere')).rejects.toMatchObject({
      code: 'missing-package',
      message: expect.stringContaining('npm install @vlm/store-nowhere'),
    }));
});
