/** A folder on a file system without hard links (FAT, some network drives). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { openStore } from '../store.ts';
import { contractPhase as phase, recordOf } from '../testing/store-contract.ts';

vi.mock('node:fs/promises', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:fs/promises')>()),
  link: () => Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM' })),
}));

it('gives a phase to one of many who race for it, and lets the first record stand', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'no-links-'));
  const stores = await Promise.all(Array.from({ length: 8 }, () => openStore(folder)));
  let inside = 0;
  let turns = 0;
  const work = stores.map(async (store, i) => {
    const claim = await store.claim(phase, { lapseSeconds: 5 });
    if (!claim) return store.record(phase);
    expect(++inside).toBe(1);
    await sleep(20);
    inside--;
    if (++turns === 3) return store.finish(phase, recordOf({ by: i }));
    await claim.release();
    return undefined;
  });
  const records = (await Promise.all(work)).filter((record) => record !== undefined);
  expect(turns).toBe(3);
  expect(records.length).toBe(6);
  for (const record of records) expect(record).toEqual(records[0]);
  expect(await stores[0]!.finish(phase, recordOf({ by: 'late' }))).toEqual(records[0]);
  await rm(folder, { recursive: true });
});
