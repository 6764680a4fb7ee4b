/** What this process uploads for phases, under names that no other attempt uses. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { PhaseRecord, StoredFile } from '../store.ts';
import { StudyError } from '../study-error.ts';
import type { Claim } from './claim.ts';
import { inParallel } from './in-parallel.ts';
import type { LocalCache } from './local-cache.ts';
import { objectNames, padded } from './object-names.ts';
import type { Objects } from './objects.ts';
import type { PhaseFile } from './phase-files.ts';
import { filesAtATime, jsonBytes } from './stored-files.ts';

/** One go at one phase. */
export interface Attempt {
  readonly claim: Claim | undefined;
  /** Says that these objects are there already, those of the progress it goes on from. */
  know(files: readonly StoredFile[]): void;
  /** Uploads what is not there yet, from the phase's local folder. */
  upload(files: readonly PhaseFile[]): Promise<StoredFile[]>;
  /** Uploads, and makes sure that all is there, whoever may have tidied up meanwhile. */
  uploadSurely(files: readonly PhaseFile[]): Promise<StoredFile[]>;
  /** Makes uploaded files what the phase goes on from. */
  publishProgress(files: readonly StoredFile[]): Promise<void>;
}

export interface Attempts {
  /** Begins one with a claim in hand; where one of this machine's cache was broken off, goes on under its name with what it has uploaded. */
  begin(name: string, claim: Claim): Promise<void>;
  /** The one at a phase; without a claim where none was begun. */
  of(name: string): Attempt;
  /** Ends the one at a phase that is finished: nothing but what the record names is needed any more. */
  end(name: string, record: PhaseRecord): Promise<void>;
}

export function openAttempts(objects: Objects, cache: LocalCache): Attempts {
  const attempts = new Map<string, Attempt>();
  return {
    async begin(name, claim) {
      const before = await cache.attempt(name);
      const attempt = before ?? attemptName(claim.token);
      if (before === undefined) await cache.setAttempt(name, attempt);
      const folder = objectNames.filesOfAttempt(name, attempt);
      const keys = before === undefined ? [] : await objects.list(folder);
      const known = new Map(keys.map((key) => [key.slice(folder.length), key]));
      attempts.set(name, openAttempt(objects, cache, name, attempt, claim, known));
    },
    of(name) {
      const there = attempts.get(name);
      if (there) return there;
      const made = openAttempt(objects, cache, name, attemptName(0), undefined, new Map());
      attempts.set(name, made);
      return made;
    },
    async end(name, { files = [] }) {
      await attempts.get(name)?.claim?.release();
      attempts.delete(name);
      const kept = new Set(files.map(({ object }) => object));
      try {
        await objects.remove(objectNames.files(name), (key) => kept.has(key));
        await objects.remove(objectNames.progress(name));
      } catch (error) {
        if (!StudyError.isInstance(error)) throw error; // What cannot be removed now only takes room.
      }
    },
  };
}

/** @param known objects by content that need no upload */
function openAttempt(
  objects: Objects,
  cache: LocalCache,
  name: string,
  attempt: string,
  claim: Claim | undefined,
  known: Map<string, string>,
): Attempt {
  const folder = objectNames.filesOfAttempt(name, attempt);
  const token = claim?.token ?? 0;
  let saves = 0;
  const upload = async (files: readonly PhaseFile[]): Promise<StoredFile[]> => {
    await inParallel(filesAtATime, files, async ({ path, bytes, sha256 }) => {
      if (known.has(sha256)) return;
      const key = `${folder}${sha256}`;
      await objects.upload(key, join(cache.phaseDirectory(name), path), { bytes, sha256 }, claim?.signal);
      known.set(sha256, key);
    });
    return files.map((file) => ({ ...file, object: known.get(file.sha256)! }));
  };
  /** Removes what this attempt saved before. A worker that was overtaken removes nothing: another may be reading it. */
  const dropSuperseded = async (saved: string, files: readonly StoredFile[]): Promise<void> => {
    const tokens = (await objects.list(objectNames.claims(name))).map(objectNames.tokenOf);
    if (claim?.signal.aborted || Math.max(token, ...tokens) > token) return;
    await objects.remove(objectNames.progressOf(name, token), (key) => key === saved);
    const kept = new Set(files.map(({ object }) => object));
    for (const [sha256, object] of known) if (!kept.has(object)) known.delete(sha256);
    await objects.remove(folder, (key) => kept.has(key));
  };
  return {
    claim,
    know(files) {
      for (const { sha256, object } of files) known.set(sha256, object);
    },
    upload,
    async uploadSurely(files) {
      await upload(files);
      const there = new Set(await objects.list(objectNames.files(name)));
      for (const [sha256, key] of known) if (!there.has(key)) known.delete(sha256);
      return upload(files);
    },
    async publishProgress(files) {
      const saved = `${objectNames.progressOf(name, token)}${padded(++saves)}.json`;
      await objects.write(saved, jsonBytes({ files }));
      await cache.setNote(name, { kind: 'progress', saved });
      await dropSuperseded(saved, files);
    },
  };
}

function attemptName(token: number): string {
  return `${padded(token)}-${randomBytes(4).toString('hex')}`;
}
