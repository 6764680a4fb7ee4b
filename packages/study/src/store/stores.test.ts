/** One contract for every kind of store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, it, vi } from 'vitest';
import { hasTestS3, startTestS3, type TestS3 } from '../../../store-s3/src/testing/s3-server.ts';
import { openStore, type Store } from '../store.ts';
import { memoryObjects } from '../testing/memory-objects.ts';
import { storeContract } from '../testing/store-contract.ts';
import { openLocalCache } from './local-cache.ts';
import { openObjectStore } from './object-store.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stores-'));
  vi.stubEnv('STAGED_VLM_CLAIM_SECONDS', '2');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});
let number = 0;
const freshFolder = (): string => join(folder, `${++number}`);

describe('a directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = freshFolder();
  });
  storeContract(() => openStore(directory));
});

describe('objects in memory', () => {
  let memory: ReturnType<typeof memoryObjects>;
  beforeEach(() => {
    memory = memoryObjects();
  });
  storeContract(() => openObjectStore(memory.objects, () => openLocalCache(freshFolder(), 1e9)));
});

const isThere = await hasTestS3();
if (!isThere) it.skip('S3: the package @20minutes/s3rver is not installed', () => {});

describe.runIf(isThere)('S3', () => {
  let s3: TestS3;
  let location: string;
  beforeAll(async () => {
    s3 = await startTestS3();
    for (const [name, value] of Object.entries({ ...s3.env, AWS_ENDPOINT_URL: s3.endpoint })) vi.stubEnv(name, value);
  });
  afterAll(() => s3.close());
  beforeEach(() => {
    location = `s3://lab/study-${++number}`;
  });
  storeContract((): Promise<Store> => openStore(location, { cacheDirectory: freshFolder() }));
});
