import { closeSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJson } from '../store/whole-file.ts';
import { StudyError } from '../study-error.ts';

/** Features of every picture of a corpus, by the picture's key (`captions/train/KEY`). */
export interface FeatureTable {
  /** Features of one picture. */
  readonly patches: number;
  /** Width of a feature. */
  readonly width: number;
  /** float32 [patches, width]. @throws StudyError `missing-artifact` naming the picture */
  of(key: string): Float32Array;
  has(key: string): boolean;
  close(): void;
}

/** Index of the table: shape and row of every key. */
export interface FeatureIndex {
  patches: number;
  width: number;
  keys: string[];
}

export const featureFile = 'features.f32';
const indexFile = 'features.json';

/** Writes the index beside a file of rows; the file's rows are in the order of `keys`. */
export function writeFeatureIndex(directory: string, index: FeatureIndex): Promise<void> {
  return writeJson(join(directory, indexFile), index);
}

/** Opens the table that a features phase left. Rows are read when they are asked for: the system's page cache keeps what is used. */
export async function openFeatures(directory: string): Promise<FeatureTable> {
  const { patches, width, keys } = JSON.parse(await readFile(join(directory, indexFile), 'utf8')) as FeatureIndex;
  const rows = new Map(keys.map((key, row) => [key, row]));
  const file = openSync(join(directory, featureFile), 'r');
  const bytes = patches * width * Float32Array.BYTES_PER_ELEMENT;
  return {
    patches,
    width,
    has: (key) => rows.has(key),
    of(key) {
      const row = rows.get(key);
      if (row === undefined) {
        throw new StudyError(
          'missing-artifact',
          `There are no features of picture ${key} in ${directory}. Delete that folder and run again.`,
        );
      }
      const features = new Float32Array(patches * width);
      const read = readSync(file, features, 0, bytes, row * bytes);
      if (read !== bytes) {
        throw new StudyError(
          'store-damaged',
          `Expected ${bytes} bytes of features of ${key} in ${directory}, got ${read}. Delete that folder and run again.`,
        );
      }
      return features;
    },
    close: () => closeSync(file),
  };
}
