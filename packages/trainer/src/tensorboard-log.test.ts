import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MetricsRow } from './metrics-log.ts';
import { maskedCrc32c, tensorboardLog } from './tensorboard-log.ts';

const row = (step: number): MetricsRow => ({
  step,
  tokens: step * 100,
  lossTokens: step * 90,
  loss: 1 / step,
  lr: 0.5,
  gradNorm: 2,
  variant: 'text',
  tokensPerSecond: 1000,
  waitShare: 0.25,
  metrics: { zLoss: 0.125 },
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tensorboard-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

type Field = { number: number; value: number | Buffer };

/** The fields of a protocol buffer, read by the wire format alone. */
function fields(bytes: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = tag >> 3;
    if ((tag & 7) === 0) found.push({ number, value: varint() });
    else {
      const length = (tag & 7) === 1 ? 8 : (tag & 7) === 5 ? 4 : varint();
      const value = bytes.subarray(at, at + length);
      at += length;
      found.push({
        number,
        value: (tag & 7) === 1 ? value.readDoubleLE() : (tag & 7) === 5 ? value.readFloatLE() : value,
      });
    }
  }
  return found;
}

/** The events of a file, with both checksums of every record checked. */
async function events(path: string): Promise<Field[][]> {
  const bytes = await readFile(path);
  const found: Field[][] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    found.push(fields(data));
    at += 16 + length;
  }
  return found;
}

const value = (event: Field[], number: number): Field['value'] | undefined =>
  event.find((field) => field.number === number)?.value;

function scalars(event: Field[]): Record<string, number> {
  const summary = fields(value(event, 5) as Buffer);
  return Object.fromEntries(
    summary.map(({ value: scalar }) => {
      const parts = fields(scalar as Buffer);
      return [String(value(parts, 1)), value(parts, 2) as number];
    }),
  );
}

it('computes the checksum of RFC 3720, B.4, masked as TFRecord files want it', () => {
  const mask = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  expect(maskedCrc32c(new Uint8Array(32))).toBe(mask(0x8a9136aa));
  expect(maskedCrc32c(new Uint8Array(32).fill(0xff))).toBe(mask(0x62a8ab43));
  expect(maskedCrc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(mask(0x46dd794e));
});

describe('event files', () => {
  it('hold a version, a session start, and one event of scalars a step', async () => {
    const log = tensorboardLog(directory, () => 1_700_000_000_500)(0);
    log.write(row(1));
    log.write(row(300));
    log.sync();
    log.close();
    const names = await readdir(directory);
    expect(names).toEqual(['events.out.tfevents.1700000000.staged-vlm.0000']);
    const all = await events(join(directory, names[0]!));
    expect(all.map((event) => value(event, 1))).toEqual(Array(4).fill(1_700_000_000.5));
    expect(String(value(all[0]!, 3))).toBe('brain.Event:2');
    expect(value(all[1]!, 2)).toBe(1);
    expect(fields(value(all[1]!, 7) as Buffer)).toEqual([{ number: 1, value: 1 }]);
    expect(value(all[3]!, 2)).toBe(300);
    expect(scalars(all[2]!)).toEqual({
      tokens: 100,
      lossTokens: 90,
      loss: 1,
      lr: 0.5,
      gradNorm: 2,
      tokensPerSecond: 1000,
      waitShare: 0.25,
      'metrics/zLoss': 0.125,
    });
  });

  it('a run that goes on writes a later file, which takes back the steps it repeats; so does a cut', async () => {
    const first = tensorboardLog(directory, () => 1_700_000_000_000)(0);
    first.write(row(1));
    first.cut(0);
    first.close();
    tensorboardLog(directory, () => 1_700_000_000_000)(7).close();
    const names = (await readdir(directory)).sort();
    expect(names).toHaveLength(2);
    expect(value((await events(join(directory, names[0]!))).at(-1)!, 2)).toBe(1);
    const second = await events(join(directory, names[1]!));
    expect(value(second[1]!, 2)).toBe(8);
    expect(value(second[1]!, 7)).toBeDefined();
  });

  it('a folder that cannot be made is named', async () => {
    await writeFile(join(directory, 'file'), '');
    expect(() => tensorboardLog(join(directory, 'file', 'in'))(0)).toThrow(/no event file can be made in .*file/);
  });
});
