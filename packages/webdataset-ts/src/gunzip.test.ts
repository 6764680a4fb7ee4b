/** gzip unpacked in large steps: what a bomb may fill, what damage may take, what lies behind the end. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readShards } from './index.ts';
import { readWithFaults } from './testing/read-all.ts';
import { memorySource, tarOf } from './testing/tar-bytes.ts';

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

describe('gzip', () => {
  it('a bomb fed at once fills a few chunks, however slowly it is read', async () => {
    const zeros = gzipSync(Buffer.alloc(300 << 20));
    expect(zeros.length).toBeLessThan(1 << 19); // one piece
    const source = memorySource({ s: Buffer.concat([gzipSync(tarOf('a.txt')), zeros]) }, 1 << 20);
    const reader = readShards('s', { source, limits: { maxZeroBytes: 2 ** 40 } });
    expect((await reader.next()).value?.key).toBe('a');
    const before = process.memoryUsage().arrayBuffers;
    let [largest, done] = [0, false];
    const end = reader.next().then((result) => {
      done = true;
      return result;
    });
    while (!done) {
      await pause();
      largest = Math.max(largest, process.memoryUsage().arrayBuffers - before);
    }
    expect((await end).value).toBeUndefined(); // zeros end the archive, and all of them are read
    expect(largest).toBeLessThan(100 << 20);
  });

  it('of a damaged shard gives the same samples to a slow reader as to a fast one', async () => {
    const noise = (i: number): Uint8Array => Uint8Array.from({ length: 9000 }, (_, at) => (at * at * (i + 7)) >>> 5);
    const zipped = gzipSync(tarOf(...Array.from({ length: 400 }, (_, i) => [`${i}.bin`, noise(i)] as const)));
    const damaged = Uint8Array.from(zipped);
    damaged.fill(0xa5, Math.floor(zipped.length * 0.8), Math.floor(zipped.length * 0.8) + 40);
    const keys = async (slow: boolean): Promise<string[]> => {
      const read: string[] = [];
      const source = memorySource({ s: damaged }, 50_000);
      for await (const { key } of readShards('s', { source, onBroken: (fault) => read.push(fault.code) })) {
        read.push(key);
        if (slow && read.length % 20 === 0) await pause();
      }
      return read;
    };
    const fast = await keys(false);
    expect(fast.length).toBeGreaterThan(100);
    expect(fast.at(-1)).toBe('corrupt');
    expect(await keys(true)).toEqual(fast);
  });

  it('zeros behind its end are a tape that was filled up; anything behind them is a fault', async () => {
    const zipped = gzipSync(tarOf('a.txt', 'b.txt'));
    for (const zeros of [1, 600, 5000]) {
      const padded = Buffer.concat([zipped, new Uint8Array(zeros)]);
      expect(await readWithFaults({ s: padded })).toMatchObject({
        samples: ['s#0 a txt=a.txt', 's#1 b txt=b.txt'],
        faults: [],
      });
      const { samples, faults } = await readWithFaults({ s: Buffer.concat([padded, zipped]) });
      expect(samples).toEqual(['s#0 a txt=a.txt']); // b may have more members, for all that is known
      expect(faults).toMatchObject([{ code: 'corrupt', message: expect.stringContaining('behind zeros') }]);
    }
  });
});
