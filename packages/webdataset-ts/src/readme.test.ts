import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeJson, openShard, optional, readShards, sampleDecoder, standardDecoders, writeShards } from './index.ts';
import { temporaryFolder } from './testing/tar-bytes.ts';

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

it('decodes and reaches single samples as the README says', async () => {
  const directory = temporaryFolder();
  const writer = writeShards({ directory, prefix: 'train', index: true });
  for (let i = 0; i < 100; i++) {
    await writer.add({ key: `${i}`.padStart(6, '0'), members: { txt: `caption ${i}`, jpg: new Uint8Array(i) } });
  }
  const list = (await writer.close()).shards.map(({ path }) => path);
  const sizes: number[] = [];
  const toPixels = async (bytes: Uint8Array): Promise<Uint8Array> => bytes;
  // #region decoders
  const decode = sampleDecoder({ ...standardDecoders, jpg: toPixels, 'meta.json': optional(decodeJson) });
  for await (const sample of readShards(list)) {
    const { txt, jpg } = decode(sample); // string, Promise<Uint8Array>: decoded when asked for, once
    sizes.push(txt.length, (await jpg).length);
  }
  // #endregion decoders
  expectInReadme('decoders');
  expect(sizes.slice(0, 6)).toEqual([9, 0, 9, 1, 9, 2]);

  // #region random
  const shard = await openShard(`${directory}/train-000000.tar`);
  const { members } = await shard.sample(shard.indexOf('000042')); // { jpg: Uint8Array, txt: Uint8Array }
  // #endregion random
  expectInReadme('random');
  expect(String(Buffer.from(members['txt']!))).toBe('caption 42');
});
