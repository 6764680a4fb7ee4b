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
  const advice =
    'Delete this one file, not its folder: the next run writes it anew and finds every result that is there.';
  const found = parseJson(text, file, advice);
  if (!isObject(found)) throw damaged(`Expected what store.json of a store holds in ${file}.`, advice);
  if (found['storeVersion'] !== storeVersion) {
    throw new StudyError(
      'store-version',
      `Expected a store of version ${storeVersion} in ${dirname(file)}, got version ${JSON.stringify(found['storeVersion'])}. ` +
        'Choose another folder with --store, or use the release of staged-vlm that wrote this one.',
    );
  }
  return found;
}

/** @throws StudyError `store-damaged` */
export function parseRecord(text: string, file: string): PhaseRecord {
  const advice = `Delete ${dirname(file)}, the folder of this one phase, and run again: the phase is then made anew.`;
  const record = parseJson(text, file, advice);
  if (!isObject(record) || typeof record['hash'] !== 'string' || !isObject(record['summary'])) {
    throw damaged(`Expected the record of a finished phase in ${file}.`, advice);
  }
  return record as unknown as PhaseRecord;
}

/**
 * @param advice what to do about a file that is none
 * @throws StudyError `store-damaged`
 */
export function parseJson(text: string, file: string, advice: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(`Expected JSON in ${file}: ${(error as Error).message}.`, advice, error);
  }
}

function damaged(problem: string, advice: string, cause?: unknown): StudyError {
  return new StudyError('store-damaged', `${problem} ${advice}`, { cause });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function notFinished(phase: PhaseKey, location: string): StudyError {
  return new StudyError('not-finished', `Phase ${phaseName(phase)} is not finished in ${location}; run it first.`);
}
