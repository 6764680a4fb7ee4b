import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf } from '../identity.ts';
import { readIfThere } from '../store/whole-file.ts';
import { type FeatureIndex, featureFile, writeFeatureIndex } from './features.ts';

/**
 * A table of features while it is written. Every batch is noted once its rows are on the disk, so that whoever comes after an interruption takes over
 * whole batches and never a part of one.
 */
export interface FeatureRows {
  /**
   * Takes over the next batch, where an earlier attempt wrote the rows of these same pictures at this place.
   *
   * @returns places in the batch of pictures without a row; undefined where the batch must be encoded
   */
  takeOver(keys: readonly string[]): number[] | undefined;
  /** Writes the next batch: a row, float32 [patches, width], or undefined for every picture. */
  append(keys: readonly string[], rows: readonly (Float32Array | undefined)[]): Promise<void>;
  /** Makes the table whole: nothing is left of how it came to be. */
  finish(keys: string[]): Promise<void>;
  close(): Promise<void>;
}

/** What is noted of a batch, one line of JSON each. */
interface BatchNote {
  /** Identity of the keys of its pictures in their order. */
  pictures: string;
  /** Places of those without a row. */
  broken: number[];
}

const notesFile = 'features.batches.jsonl';

/** Opens the table in a phase's folder, with what an earlier attempt left of it. */
export async function openFeatureRows(
  directory: string,
  shape: Pick<FeatureIndex, 'patches' | 'width'>,
): Promise<FeatureRows> {
  const rowBytes = shape.patches * shape.width * Float32Array.BYTES_PER_ELEMENT;
  const notesPath = join(directory, notesFile);
  const before = wholeNotes((await readIfThere(notesPath)) ?? '');
  const file = await open(join(directory, featureFile), 'a');
  const notes = await open(notesPath, 'a');
  const bytesBefore = (await file.stat()).size;
  let taken = 0;
  let bytes = 0;
  let isTakingOver = true;

  /** Cuts off what was not taken over, half a row and half a line too. */
  const beginWriting = async (): Promise<void> => {
    if (!isTakingOver) return;
    isTakingOver = false;
    await notes.truncate(before.slice(0, taken).reduce((sum, note) => sum + Buffer.byteLength(lineOf(note)), 0));
    await file.truncate(bytes);
  };

  return {
    takeOver(keys) {
      const note = before[taken];
      if (!isTakingOver || note?.pictures !== identityOf(keys)) return undefined;
      const end = bytes + (keys.length - note.broken.length) * rowBytes;
      if (end > bytesBefore) return undefined;
      taken++;
      bytes = end;
      return note.broken;
    },
    async append(keys, rows) {
      await beginWriting();
      for (const row of rows) {
        // `write` may end early on a disk that is nearly full.
        if (row) await file.appendFile(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
      }
      // The rows first: a machine that goes down must not leave a note without them.
      await file.datasync();
      const broken = rows.flatMap((row, i) => (row ? [] : [i]));
      await notes.appendFile(lineOf({ pictures: identityOf(keys), broken }));
    },
    async finish(keys) {
      await beginWriting();
      await file.sync();
      await writeFeatureIndex(directory, { ...shape, keys });
      await rm(notesPath);
    },
    async close() {
      await file.close();
      await notes.close();
    },
  };
}

const lineOf = ({ pictures, broken }: BatchNote): string => `${JSON.stringify({ pictures, broken })}\n`;

/** Up to the first line that was cut when the process was killed. */
function wholeNotes(text: string): BatchNote[] {
  const notes: BatchNote[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      notes.push(JSON.parse(line) as BatchNote);
    } catch {
      break;
    }
  }
  return notes;
}
