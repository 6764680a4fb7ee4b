import { dirname } from 'node:path';
import type { PhaseKey, PhaseRecord } from '../store.ts';
import { StudyError } from '../study-error.ts';

/** Layout of the store. A store of another version is refused, never converted in place. */
const storeVersion = 1;

/** The name of a phase's folder. */
export function phaseName({ kind, hash }: PhaseKey): string {
  return `${kind}-${hash}`;
}

/** What `store.json` holds. @param id tells apart stores of which local copies are kept */
export function versionText(id?: string): string {
  return `${JSON.stringify({ storeVersion, madeBy: 'staged-vlm', ...(id === undefined ? {} : { id }) }, null, 2)}\n`;
}

/** @throws StudyError `store-version`, `store-damaged` */
export function checkVersion(text: string, file: string): { id?: string } {
  const found = parseJson(text, file) as { storeVersion?: unknown; id?: string };
  if (found.storeVersion !== storeVersion) {
    throw new StudyError(
      'store-version',
      `Expected a store of version ${storeVersion} in ${dirname(file)}, got version ${JSON.stringify(found.storeVersion)}. ` +
        'Choose another folder with --store, or use the release of staged-vlm that wrote this one.',
    );
  }
  return found;
}

/** @throws StudyError `store-damaged` */
export function parseRecord(text: string, file: string): PhaseRecord {
  const record = parseJson(text, file) as PhaseRecord;
  if (typeof record.hash !== 'string' || typeof record.summary !== 'object') {
    throw new StudyError(
      'store-damaged',
      `Expected the record of a finished phase in ${file}. Delete that phase's folder and run again.`,
    );
  }
  return record;
}

export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StudyError(
      'store-damaged',
      `Expected JSON in ${file}: ${(error as Error).message}. Delete the file's folder and run again.`,
      { cause: error },
    );
  }
}

export function notFinished(phase: PhaseKey, location: string): StudyError {
  return new StudyError('not-finished', `Phase ${phaseName(phase)} is not finished in ${location}; run it first.`);
}
