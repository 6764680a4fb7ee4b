import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ByteSource, readShards, writeShards } from './index.ts';
import { tarOf, temporaryFolder } from './testing/tar-bytes.ts';

/** The README holds the code between two marks of this file. */
function expectInReadme(mark: string): void {
  const own = readFileSync(import.meta.filename, 'utf8');
  const begin = `// #region ${mark}\n`;
  const code = own.slice(own.indexOf(begin) + begin.length, own.indexOf(`  // #endregion ${mark}\n`));
  expect(readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')).toContain(code.replaceAll(/^ {2}/gm, ''));
}

it('writes, reads, stops and goes on as the README says', async () => {
  const directory = temporaryFolder();
  const rest: string[] = [];
  // #region first
  const writer = writeShards({ directory, prefix: 'train', maxSamples: 1000 });
  for (let i = 0; i < 2500; i++) {
    await writer.add({ key: `${i}`.padStart(6, '0'), members: { txt: `caption ${i}`, json: JSON.stringify({ i }) } });
  }
  const { shards } = await writer.close(); // [{ path: '…/train-000000.tar', samples: 1000, bytes, sha256 }, …]

  const list = `${directory}/train-{000000..000002}.tar`;
  const order = { shuffleShards: { seed: 1 }, shuffleSamples: { seed: 1, window: 1500 } };
  const reader = readShards(list, order);
  const { value } = await reader.next(); // { key, shard, index, members: { json: Uint8Array, txt: Uint8Array } }

  const saved = JSON.stringify(reader.state());
  for await (const sample of readShards(list, { ...order, state: JSON.parse(saved) })) {
    rest.push(new TextDecoder().decode(sample.members['txt']));
  }
  // #endregion first
  expectInReadme('first');
  expect(shards.map(({ samples }) => samples)).toEqual([1000, 1000, 500]);
  expect(Object.keys(value!.members)).toEqual(['json', 'txt']);
  expect(new Set(rest).size).toBe(2499);
});

it('reads from HTTP as the README says', async () => {
  // #region http
  const http: ByteSource = {
    async *open(shard, offset) {
      const response = await fetch(shard, { headers: { range: `bytes=${offset}-` } });
      if (!response.ok || response.body === null) throw new Error(`${response.status} ${response.statusText}`);
      if (offset > 0 && response.status !== 206) throw new Error('the server does not serve ranges');
      yield* response.body;
    },
  };
  // #endregion http
  expectInReadme('http');

  const bytes = tarOf('a.txt', 'b.txt', 'c.txt');
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]);
    if (request.url !== '/s.tar') response.writeHead(404).end();
    else response.writeHead(206).end(bytes.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const reader = readShards(`${base}/s.tar`, { source: http });
    await reader.next();
    const keys: string[] = [];
    for await (const { key } of readShards(`${base}/s.tar`, { source: http, state: reader.state() })) keys.push(key);
    expect(keys).toEqual(['b', 'c']);
    expect(ranges.at(-1)).toBe('bytes=1024-');
    await expect(readShards(`${base}/none.tar`, { source: http }).next()).rejects.toMatchObject({ code: 'unreadable' });
    await reader.return();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
