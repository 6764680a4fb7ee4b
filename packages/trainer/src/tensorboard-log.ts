/**
 * Metrics as TensorBoard event files.
 *
 * Such a file is a row of records, `length (uint64) · masked crc32c of it · bytes · masked crc32c of them`, each a protocol buffer
 * `Event { wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7 }` (tensorflow/core/util/event.proto). Each opening of
 * a run writes a file of its own that begins with a session start at the next step: TensorBoard then drops what earlier files say of
 * that step and later ones, so a resumed run shows one curve.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { flatMetrics, type MetricsLog, type OpenMetricsLog } from './metrics-log.ts';
import { TrainerError } from './trainer-error.ts';

/**
 * Writes event files into a folder, for `tensorboard --logdir FOLDER`. Scalars are called after the fields of a metrics row: `loss`, `lr`, `gradNorm`, `metrics/zLoss`, …
 *
 * @param now wall time in milliseconds. Default `Date.now`
 * @throws TrainerError `write-failed` when the run opens it
 * @example
 * await train({ ...options, logs: [tensorboardLog('runs/main/tensorboard')] });
 */
export function tensorboardLog(directory: string, now: () => number = Date.now): OpenMetricsLog {
  return (step) => {
    const file = openEventFile(directory, now);
    const write = (event: Uint8Array): void => void writeSync(file, record(event));
    write(message(wallTime(now()), text(3, 'brain.Event:2')));
    const restart = (next: number): void => write(message(wallTime(now()), varint(2, next), bytes(7, varint(1, 1))));
    restart(step + 1);
    const log: MetricsLog = {
      write: (row) => {
        const scalars = Object.entries(flatMetrics(row)).map(([tag, value]) =>
          bytes(1, message(text(1, tag), float(2, value))),
        );
        write(message(wallTime(now()), varint(2, row.step), bytes(5, message(...scalars))));
      },
      sync: () => fsyncSync(file),
      cut: (last) => restart(last + 1),
      close: () => closeSync(file),
    };
    return log;
  };
}

/** A new file, numbered after those that are there: TensorBoard reads the files of a folder in the order of their names. */
function openEventFile(directory: string, now: () => number): number {
  try {
    mkdirSync(directory, { recursive: true });
    const earlier = readdirSync(directory).filter((name) => name.startsWith('events.out.tfevents.'));
    const seconds = String(Math.floor(now() / 1000)).padStart(10, '0');
    const number = String(earlier.length).padStart(4, '0');
    return openSync(join(directory, `events.out.tfevents.${seconds}.staged-vlm.${number}`), 'wx');
  } catch (error) {
    throw new TrainerError(
      'write-failed',
      `TensorBoard log: no event file can be made in ${directory}: ${String(error)}; choose another folder.`,
      { cause: error },
    );
  }
}

function record(event: Uint8Array): Uint8Array {
  const out = new Uint8Array(event.length + 16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(event.length), true);
  view.setUint32(8, maskedCrc32c(out.subarray(0, 8)), true);
  out.set(event, 12);
  view.setUint32(12 + event.length, maskedCrc32c(event), true);
  return out;
}

const CRC32C = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli), rotated and shifted as TFRecord files want it. */
export function maskedCrc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC32C[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

// Protocol buffers: a field is its tag (number · 8 + wire type) and its value.
const message = (...fields: Uint8Array[]): Uint8Array => Buffer.concat(fields);
const varint = (field: number, value: number): Uint8Array =>
  Uint8Array.from([...base128(field * 8), ...base128(value)]);
const bytes = (field: number, value: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.from([...base128(field * 8 + 2), ...base128(value.length)]), value]);
const text = (field: number, value: string): Uint8Array => bytes(field, new TextEncoder().encode(value));

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = field * 8 + 5;
  new DataView(out.buffer).setFloat32(1, value, true);
  return out;
}

function wallTime(milliseconds: number): Uint8Array {
  const out = new Uint8Array(9);
  out[0] = 8 + 1;
  new DataView(out.buffer).setFloat64(1, milliseconds / 1000, true);
  return out;
}

function base128(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest];
    out.push((rest % 128) | 128);
  }
}
