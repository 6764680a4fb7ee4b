import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readShards } from './index.ts';
import { readAll, readWithFaults } from './testing/read-all.ts';
import { memorySource, temporaryFolder } from './testing/tar-bytes.ts';

const rows = Array.from({ length: 300 }, (_, i) => ({
  text: `document ${i} `.repeat(i % 40),
  url: `https://example.org/${i}`,
}));
const text = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

describe('text shards', () => {
  it('are read line by line, whatever the compression', async () => {
    const zst = readFileSync(join(import.meta.dirname, '../fixtures/lines-frames.jsonl.zst'));
    for (const [name, bytes] of [
      ['s.jsonl', text],
      ['s.ndjson', text],
      ['https://example.org/s.jsonl.gz?token=1', gzipSync(text)],
      ['s.jsonl.zst', zst],
    ] as const) {
      const { samples, faults } = await readWithFaults({ [name]: bytes });
      expect(faults).toEqual([]);
      expect(samples).toEqual(
        rows.map((row, i) => `${name}#${i} ${String(i).padStart(9, '0')} json=${JSON.stringify(row)}`),
      );
    }
  });

  it('go on at any line: by offset where plain, by unpacking up to there where compressed', async () => {
    for (const [name, bytes, opened] of [
      ['s.jsonl', text, 'at the line'],
      ['s.jsonl.gz', gzipSync(text), 'at the start'],
    ] as const) {
      const source = memorySource({ [name]: bytes });
      const reader = readShards(name, { source });
      const all = await readAll(readShards(name, { source }));
      for (let done = 0; done < 40; done++) {
        const state = JSON.parse(JSON.stringify(reader.state()));
        source.opened.length = 0;
        expect(await readAll(readShards(name, { source, state }))).toEqual(all.slice(done));
        expect(source.opened.at(-1)!.offset).toBe(opened === 'at the line' ? state.offset : 0);
        await reader.next();
      }
    }
  });

  it('that became shorter than the position say so, and one that ends there ends', async () => {
    for (const pack of [(bytes: Uint8Array) => bytes, gzipSync]) {
      const lines = Buffer.from('{"a":1}\n{"a":2}\n');
      const reader = readShards('s.jsonl', { source: memorySource({ 's.jsonl': pack(lines) }) });
      await reader.next();
      await reader.next();
      const state = reader.state();
      const again = (bytes: Uint8Array) => readWithFaults({ 's.jsonl': pack(bytes) }, { state });
      expect((await again(lines)).faults).toEqual([]);
      for (const shorter of [lines.subarray(0, 8), lines.subarray(0, 15)])
        expect((await again(shorter)).faults).toMatchObject([
          { code: 'truncated', message: expect.stringMatching(/ends before byte 16, where reading is to go on/) },
        ]);
      const folder = temporaryFolder({ 's.jsonl': pack(lines.subarray(0, 8)) });
      await expect(readAll(readShards(join(folder, 's.jsonl'), { state }))).rejects.toThrow(/ends before byte 16/);
    }
  });

  it('may have empty and blank lines, line ends of Windows, a byte order mark, and no end of the last line', async () => {
    const bytes = Buffer.from('\ufeff{"a":1}\r\n\r\n  \n\t \r\n\n{"a":2}\n  ');
    const { samples, counts, faults } = await readWithFaults({ 's.jsonl': bytes });
    expect(faults).toEqual([]);
    expect(samples).toEqual(['s.jsonl#0 000000000 json={"a":1}', 's.jsonl#1 000000001 json={"a":2}']);
    expect(counts).toMatchObject({ samples: 2, ignoredMembers: 5 });
    const { samples: last } = await readWithFaults({ 's.jsonl': Buffer.from('{"a":1}\n{"a":2}') });
    expect(last).toEqual(samples);
  });

  it('do not depend on how the bytes arrive', async () => {
    const small = Buffer.from('{"a":"ü"}\n\n{"b":1}\n');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.boolean(), async (chunkBytes, zip) => {
        const source = memorySource({ s: zip ? gzipSync(small) : small }, chunkBytes);
        expect(await readAll(readShards('s', { source, format: 'jsonl' }))).toEqual([
          's#0 000000000 json={"a":"ü"}',
          's#1 000000001 json={"b":1}',
        ]);
      }),
    );
  });

  it('cut anywhere: never a wrong line, never silence', async () => {
    const whole = (await readWithFaults({ 's.jsonl': text })).samples;
    for (const bytes of [text, gzipSync(text)]) {
      for (let length = 1; length < bytes.length; length += 131) {
        const { samples, faults } = await readWithFaults({ 's.jsonl': bytes.subarray(0, length) });
        expect(whole.slice(0, samples.length)).toEqual(samples);
        const cutBetweenLines = bytes === text && (text[length - 1] === 10 || text[length] === 10);
        expect(faults.map(({ code }) => code)).toEqual(cutBetweenLines ? [] : ['truncated']);
      }
    }
  });

  it('have a limit on the length of a line', async () => {
    const long = Buffer.from(`{"a":1}\n"${'x'.repeat(3000)}"\n`);
    const { samples, faults } = await readWithFaults({ 's.jsonl': long }, { limits: { maxMemberBytes: 2000 } });
    expect(samples).toHaveLength(1);
    expect(faults).toMatchObject([{ code: 'limit', offset: 8 }]);
  });

  it('under another name are told for what they look like', async () => {
    const short = Buffer.from('{"text":"a"}\n{"text":"b"}\n');
    const name = 'c4-train.00000-of-01024.json.gz';
    for (const lines of [short, text]) {
      const { faults } = await readWithFaults({ [name]: gzipSync(lines) });
      expect(faults).toMatchObject([
        { code: 'corrupt', message: expect.stringMatching(/looks like JSON lines.*give \{ format: 'jsonl' \}/) },
      ]);
    }
    expect((await readWithFaults({ [name]: gzipSync(short) }, { format: 'jsonl' })).samples).toHaveLength(2);
  });

  it('are what format says', () => {
    expect(() => readShards('s', { format: 'csv' as never })).toThrow(/expected "tar" or "jsonl", got "csv"/);
  });
});
