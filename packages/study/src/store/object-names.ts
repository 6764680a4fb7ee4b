/**
 * How the objects of a store are called, and the small files among them:
 *
 *     store.json
 *     phases/<name>/phase.json             the record, created once; it lists every file with its sha256 and object
 *     files/<name>/<attempt>/<sha256>      what one attempt uploaded: two attempts never share an object's name
 *     progress/<name>/<token>-<n>.json     files of an unfinished phase; the highest token, then the highest number, counts
 *     claims/<name>/<token>.json           who works on it
 *     runs/<run>.json                      who runs studies
 *     reports/…, calibration.json          small files that are replaced
 */
import type { ClaimFiles } from './claim.ts';
import type { Objects } from './objects.ts';
import type { RunFiles } from './runs.ts';
import { textOf } from './stored-files.ts';

export const objectNames = {
  store: 'store.json',
  record: (phase: string) => `phases/${phase}/phase.json`,
  files: (phase: string) => `files/${phase}/`,
  filesOfAttempt: (phase: string, attempt: string) => `files/${phase}/${attempt}/`,
  progress: (phase: string) => `progress/${phase}/`,
  /** Of one claim; a save's number follows. */
  progressOf: (phase: string, token: number) => `progress/${phase}/${padded(token)}-`,
  claims: (phase: string) => `claims/${phase}/`,
  tokenOf: (claim: string) => Number.parseInt(claim.slice(claim.lastIndexOf('/') + 1), 10),
  runs: 'runs/',
};

/** Names sort as their numbers do. */
export function padded(value: number): string {
  return String(value).padStart(6, '0');
}

/** The key that sorts last: the highest token, then the highest number. */
export function newest(keys: readonly string[]): string | undefined {
  return [...keys].sort().at(-1);
}

export function claimFiles(objects: Objects, phase: string): ClaimFiles {
  const keyOf = (token: number): string => `${objectNames.claims(phase)}${padded(token)}.json`;
  return {
    list: async () => (await objects.list(objectNames.claims(phase))).map(objectNames.tokenOf),
    create: (token, text) => objects.create(keyOf(token), Buffer.from(text)),
    read: (token) => readText(objects, keyOf(token)),
    write: (token, text) => objects.write(keyOf(token), Buffer.from(text)),
  };
}

export function runFiles(objects: Objects): RunFiles {
  const { runs } = objectNames;
  return {
    list: async () => (await objects.list(runs)).map((key) => key.slice(runs.length)),
    read: (name) => readText(objects, runs + name),
    write: (name, text) => objects.write(runs + name, Buffer.from(text)),
    remove: (name) => objects.remove(runs + name),
  };
}

async function readText(objects: Objects, key: string): Promise<string | undefined> {
  const bytes = await objects.read(key);
  return bytes && textOf(bytes);
}
