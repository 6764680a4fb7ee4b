import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { calibrate, calibratedRate } from './calibrate.ts';
import { presets } from './presets/index.ts';
import { openStore, type Store } from './store.ts';

const smoke = presets['smoke']!;
let store: Store;
let file: string;
beforeEach(async () => {
  store = await openStore(await mkdtemp(join(tmpdir(), 'calibrate-')));
  file = join(store.directory, 'calibration.json');
});
afterEach(() => rm(store.directory, { recursive: true }));

describe('calibratedRate', () => {
  it('is what calibrate measured, here and for this recipe', async () => {
    const rate = await calibrate(smoke, store);
    expect(rate).toBeGreaterThan(0);
    expect(await calibratedRate(smoke, store)).toBe(rate);
    expect(await calibratedRate({ ...smoke, threads: smoke.threads + 1 }, store)).toBeUndefined();
    const wrong = (await readFile(file, 'utf8')).replace(/: [\d.e+]+\n/, ': "fast"\n');
    await writeFile(file, wrong);
    expect(await calibratedRate(smoke, store)).toBeUndefined();
  });

  it.each(['', '{"a":', 'null', '[1]', '5'])('takes a file that holds %j for no measurement', async (text) => {
    await writeFile(file, text);
    expect(await calibratedRate(smoke, store)).toBeUndefined();
  });
});
