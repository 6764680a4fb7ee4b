import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { PhaseKey, PhaseRecord, Store, StoreOptions } from '../store.ts';
import { StudyError } from '../study-error.ts';
import { openAttempts } from './attempts.ts';
import { type Claim, readClaimant, takeClaim } from './claim.ts';
import { inParallel } from './in-parallel.ts';
import type { LocalCache } from './local-cache.ts';
import { claimFiles, newest, objectNames, runFiles } from './object-names.ts';
import type { Objects } from './objects.ts';
import { fileReader, filesIn, isResult, type PhaseFile, progressOf } from './phase-files.ts';
import { livingRuns, showRun } from './runs.ts';
import { checkVersion, notFinished, parseRecord, phaseName, versionText } from './store-files.ts';
import {
  checkedFiles,
  downloadMissing,
  filesAtATime,
  jsonBytes,
  readFilesOf,
  readStored,
  textOf,
} from './stored-files.ts';
import { writeWhole } from './whole-file.ts';

/** How long a listing of the whole store answers for a watcher that asks about every phase. */
const listingMs = 2000;

/**
 * A store whose results are objects elsewhere (`object-names.ts`), with a local cache in which phases work.
 *
 * @throws StudyError `store-version`, or what the objects say is wrong
 */
export async function openObjectStore(
  objects: Objects,
  openCache: (storeId: string) => LocalCache,
  { create = true, ...given }: StoreOptions = {},
): Promise<Store> {
  const cache = openCache(await checkStore(objects, create));
  const attempts = openAttempts(objects, cache);
  const records = new Map<string, { record: PhaseRecord; digest: string }>();
  const readFile = fileReader();
  const runs = runFiles(objects);
  const list = briefly((prefix: string) => objects.list(prefix));

  const readRecord = async (phase: PhaseKey): Promise<{ record: PhaseRecord; digest: string } | undefined> => {
    const name = phaseName(phase);
    const known = records.get(name);
    if (known) return known;
    const key = objectNames.record(name);
    const bytes = await objects.read(key);
    if (!bytes) return undefined;
    const record = parseRecord(textOf(bytes), `${objects.location}/${key}`);
    const found = { record, digest: createHash('sha256').update(bytes).digest('hex') };
    records.set(name, found);
    return found;
  };

  /** Of the phase's local folder. */
  const readFiles = (name: string, paths: readonly string[]): Promise<PhaseFile[]> =>
    inParallel(filesAtATime, paths, (path) => readFile(cache.phaseDirectory(name), path));

  return {
    location: objects.location,
    directory: cache.directory,
    cache: given,
    phaseDirectory: (phase) => cache.phaseDirectory(phaseName(phase)),
    record: async (phase) => (await readRecord(phase))?.record,

    async claim(phase, options) {
      const name = phaseName(phase);
      const unpin = await cache.pin(name);
      const isFinished = async (): Promise<boolean> => (await readRecord(phase)) !== undefined;
      let claim: Claim | undefined;
      try {
        claim = await takeClaim(claimFiles(objects, name), isFinished, options);
        if (claim) await attempts.begin(name, claim);
      } catch (error) {
        await claim?.release();
        await unpin();
        throw error;
      }
      if (!claim) {
        await unpin();
        return undefined;
      }
      return {
        ...claim,
        async release() {
          await claim.release();
          await unpin();
        },
      };
    },

    async claimant(phase) {
      const claims = objectNames.claims(phaseName(phase));
      const isClaimed = (await list('claims/')).some((key) => key.startsWith(claims));
      return isClaimed ? readClaimant(claimFiles(objects, phaseName(phase))) : undefined;
    },

    async fetch(phase, { files: isWanted = () => true, signal } = {}) {
      const name = phaseName(phase);
      const found = await readRecord(phase);
      if (!found) throw notFinished(phase, objects.location);
      const files = checkedFiles(found.record.files, `${objects.location}/${objectNames.record(name)}`);
      const unpin = await cache.pin(name);
      try {
        await cache.replace(name, { kind: 'record', digest: found.digest });
        const wanted = files.filter(({ path }) => isWanted(path));
        await downloadMissing(objects, cache, name, wanted, signal);
        return unpin;
      } catch (error) {
        await unpin();
        throw error;
      }
    },

    async restoreProgress(phase) {
      const name = phaseName(phase);
      const saved = newest(await objects.list(objectNames.progress(name)));
      const note = await cache.note(name);
      if (saved === undefined) {
        // A copy of what was finished once is no work to go on with.
        if (note?.kind === 'record') await cache.replace(name);
        return;
      }
      const attempt = attempts.of(name);
      const files = checkedFiles(await readFilesOf(objects, saved), `${objects.location}/${saved}`);
      attempt.know(files);
      if (note?.kind === 'progress' && note.saved === saved) return;
      await cache.replace(name);
      await downloadMissing(objects, cache, name, files, attempt.claim?.signal);
      await cache.setNote(name, { kind: 'progress', saved });
    },

    async saveProgress(phase) {
      const name = phaseName(phase);
      const attempt = attempts.of(name);
      attempt.claim?.signal.throwIfAborted();
      const paths = progressOf(await filesIn(cache.phaseDirectory(name)));
      const files = await attempt.upload(await readFiles(name, paths));
      attempt.claim?.signal.throwIfAborted();
      await attempt.publishProgress(files);
    },

    async finish(phase, given) {
      const name = phaseName(phase);
      const attempt = attempts.of(name);
      attempt.claim?.signal.throwIfAborted();
      const { id, kind, hash } = phase;
      let standing = await readRecord(phase);
      if (!standing) {
        const paths = (await filesIn(cache.phaseDirectory(name))).filter(isResult);
        const files = await attempt.uploadSurely(await readFiles(name, paths));
        attempt.claim?.signal.throwIfAborted();
        const isOurs = await objects.create(objectNames.record(name), jsonBytes({ id, kind, hash, ...given, files }));
        standing = (await readRecord(phase))!;
        if (isOurs) await cache.setNote(name, { kind: 'record', digest: standing.digest });
      }
      const note = await cache.note(name);
      if (note?.kind !== 'record' || note.digest !== standing.digest) await cache.replace(name);
      await attempts.end(name, standing.record);
      return standing.record;
    },

    async peek(phase, path) {
      const name = phaseName(phase);
      const found = await readRecord(phase);
      let files = found?.record.files;
      if (!found) {
        const saved = newest((await list('progress/')).filter((key) => key.startsWith(objectNames.progress(name))));
        files = saved === undefined ? [] : await readFilesOf(objects, saved);
      }
      const file = files?.find((candidate) => candidate.path === path);
      return file && readStored(objects, file);
    },

    readShared: (path) => objects.read(path),
    async writeShared(path, content) {
      await objects.write(path, typeof content === 'string' ? Buffer.from(content) : content);
      await writeWhole(join(cache.directory, path), content);
      return join(cache.directory, path);
    },
    showRun: (run) => showRun(runs, run),
    runs: () => livingRuns(runs),
  };
}

/**
 * Makes the store where it is not there, and makes sure that it is one of this version on a server that can keep it.
 *
 * @returns what tells this store from others
 */
async function checkStore(objects: Objects, create: boolean): Promise<string> {
  const key = objectNames.store;
  let there = await objects.read(key);
  if (!there) {
    if (!create) throw new StudyError('no-store', `There is no store at ${objects.location} yet.`);
    await objects.create(key, Buffer.from(versionText(randomBytes(8).toString('hex'))));
    there = (await objects.read(key))!;
    await objects.checkConditions(key, there);
  }
  const { id } = checkVersion(textOf(there), `${objects.location}/${key}`);
  return id ?? '';
}

/** Asks once for all who ask within a moment. */
function briefly(list: (prefix: string) => Promise<string[]>): (prefix: string) => Promise<string[]> {
  const asked = new Map<string, { atMs: number; answer: Promise<string[]> }>();
  return (prefix) => {
    const there = asked.get(prefix);
    if (there && performance.now() - there.atMs < listingMs) return there.answer;
    const answer = list(prefix);
    asked.set(prefix, { atMs: performance.now(), answer });
    answer.catch(() => asked.delete(prefix));
    return answer;
  };
}
