import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { pipeSource, readShards, sourceByScheme, streamSource } from './index.ts';
import { readAll } from './testing/read-all.ts';
import { tarOf, temporaryFolder } from './testing/tar-bytes.ts';

const shard = tarOf('a.txt', 'b.txt', 'c.txt');

async function* chunksOf(bytes: Uint8Array, size = 700): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

it('a stream is read once, plain or compressed, and resumed by passing over what was read', async () => {
  for (const bytes of [shard, gzipSync(shard)]) {
    const reader = readShards('-', { source: streamSource(chunksOf(bytes)) });
    await reader.next();
    const state = reader.state();
    await reader.return();
    const again = readShards('-', { source: streamSource(chunksOf(bytes)), state });
    expect(await readAll(again)).toEqual(['-#1 b txt=b.txt', '-#2 c txt=c.txt']);
  }
  const once = streamSource(chunksOf(shard));
  await readAll(readShards('-', { source: once }));
  await expect(readShards('-', { source: once }).next()).rejects.toThrow(/standard input can be read once only/);
});

it('"-" is standard input', () => {
  const script = `
    import { readShards } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'index.ts')).href)};
    for await (const { key } of readShards('-')) process.stdout.write(key);`;
  const output = execFileSync(
    process.execPath,
    ['--import', 'tsx', '--conditions=@vlm/source', '--input-type=module', '-e', script],
    { input: shard },
  );
  expect(String(output)).toBe('abc');
});

it('a file may be an address', async () => {
  const folder = temporaryFolder({ 's.tar': shard });
  expect(await readAll(readShards(pathToFileURL(join(folder, 's.tar')).href))).toHaveLength(3);
});

it('pipe: runs a command where that was asked for, and says what it complained of', async () => {
  const folder = temporaryFolder({ 's.tar': shard });
  const source = sourceByScheme({ pipe: pipeSource() });
  const reader = readShards(`pipe:cat ${folder}/s.tar`, { source });
  await reader.next();
  const rest = readShards(`pipe:cat ${folder}/s.tar`, { source, state: reader.state() });
  expect(await readAll(rest)).toHaveLength(2);
  await reader.return();
  await expect(readAll(readShards('pipe:cat /nowhere/s.tar; exit 3', { source }))).rejects.toMatchObject({
    code: 'unreadable',
    message: expect.stringMatching(/failed: it ended with status 3; it said: .*\/nowhere/),
  });
});
