/**
 * A store whose results are objects elsewhere, with a local cache in which phases work:
 *
 *     store.json
 *     phases/<name>/phase.json             the record, created once; it lists every file with its sha256 and object
 *     files/<name>/<attempt>/<sha256>      what one attempt uploaded: two attempts never share an object's name
 *     progress/<name>/<token>-<n>.json     files of an unfinished phase; the highest token, then the highest number, counts
 *     claims/<name>/<token>.json           who works on it
 *     reports/…, calibration.json          small files that are replaced
 */
import { createHash, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PhaseKey, PhaseRecord, Store, StoredFile, StoreOptions } from '../store.ts';
import { explainFileError, StudyError } from '../study-error.ts';
import { type Claim, type ClaimFiles, readClaimant, takeClaim } from './claim.ts';
import { inParallel } from './in-parallel.ts';
import type { LocalCache } from './local-cache.ts';
import type { Objects } from './objects.ts';
import { fileReader, filesIn, isResult, type PhaseFile, progressOf } from './phase-files.ts';
import { checkVersion, notFinished, parseJson, parseRecord, phaseName, versionText } from './store-files.ts';
import { writeWhole } from './whole-file.ts';

/** Files of a phase on their way at a time. */
const filesAtATime = 4;
/** How long a listing of the whole store answers for a watcher that asks about every phase. */
const listingMs = 2000;
/** The claim that stands for the whole store. */
const wholeStore = 'run';

/** What this process does for one phase. */
interface Attempt {
  claim: Claim | undefined;
  /** Part of the names of all that it uploads. */
  name: string;
  /** Objects by content that need no upload: its own, and those of the progress it goes on from. */
  objects: Map<string, string>;
  saves: number;
}

/**
 * @throws StudyError `store-version`, or what the objects say is wrong
 */
export async function openObjectStore(
  objects: Objects,
  openCache: (storeId: string) => LocalCache,
  { create = true }: Pick<StoreOptions, 'create'> = {},
): Promise<Store> {
  const cache = openCache(await checkStore(objects, create));
  const attempts = new Map<string, Attempt>();
  const records = new Map<string, { record: PhaseRecord; digest: string }>();
  const readFile = fileReader();
  const claimsOf = (name: string): ClaimFiles => claimFiles(objects, `claims/${name}/`);
  const list = briefly((prefix: string) => objects.list(prefix));

  const readRecord = async (phase: PhaseKey): Promise<{ record: PhaseRecord; digest: string } | undefined> => {
    const name = phaseName(phase);
    const known = records.get(name);
    if (known) return known;
    const key = `phases/${name}/phase.json`;
    const bytes = await objects.read(key);
    if (!bytes) return undefined;
    const record = parseRecord(textOf(bytes), `${objects.location}/${key}`);
    const found = { record, digest: createHash('sha256').update(bytes).digest('hex') };
    records.set(name, found);
    return found;
  };

  const attemptAt = (name: string): Attempt => {
    const there = attempts.get(name);
    if (there) return there;
    const made = { claim: undefined, name: attemptName(0), objects: new Map<string, string>(), saves: 0 };
    attempts.set(name, made);
    return made;
  };

  const uploadAll = async (name: string, files: readonly PhaseFile[]): Promise<StoredFile[]> => {
    const attempt = attemptAt(name);
    const signal = attempt.claim?.signal;
    await inParallel(filesAtATime, files, async ({ path, bytes, sha256 }) => {
      if (attempt.objects.has(sha256)) return;
      const key = `files/${name}/${attempt.name}/${sha256}`;
      await objects.upload(key, join(cache.phaseDirectory(name), path), { bytes, sha256 }, signal);
      attempt.objects.set(sha256, key);
    });
    return files.map((file) => ({ ...file, object: attempt.objects.get(file.sha256)! }));
  };

  const downloadAll = async (name: string, files: readonly StoredFile[], signal?: AbortSignal): Promise<void> => {
    await cache.makeRoom(files.reduce((sum, { bytes }) => sum + bytes, 0));
    await inParallel(filesAtATime, files, async ({ path, object, bytes, sha256 }) => {
      const target = join(cache.phaseDirectory(name), path);
      try {
        await objects.download(object, target, { bytes, sha256 }, signal);
      } catch (error) {
        throw explainFileError(error, target);
      }
    });
  };

  const store: Store = {
    location: objects.location,
    directory: cache.directory,
    phaseDirectory: (phase) => cache.phaseDirectory(phaseName(phase)),
    record: async (phase) => (await readRecord(phase))?.record,

    async claim(phase, options) {
      const name = phaseName(phase);
      const unpin = await cache.pin(name);
      const claim = await takeClaim(claimsOf(name), async () => (await readRecord(phase)) !== undefined, options);
      if (!claim) {
        await unpin();
        return undefined;
      }
      attempts.set(name, { claim, ...(await resumedAttempt(name, claim.token)), saves: 0 });
      return {
        ...claim,
        async release() {
          await claim.release();
          await unpin();
        },
      };
    },

    async claimant(phase) {
      const keys = await list('claims/');
      const name = phaseName(phase);
      return keys.some((key) => key.startsWith(`claims/${name}/`)) ? readClaimant(claimsOf(name)) : undefined;
    },

    async fetch(phase, { files: isWanted = () => true, signal } = {}) {
      const name = phaseName(phase);
      const found = await readRecord(phase);
      if (!found) throw notFinished(phase, objects.location);
      const files = checkedFiles(found.record.files, `${objects.location}/phases/${name}/phase.json`);
      const unpin = await cache.pin(name);
      try {
        await cache.replace(name, { kind: 'record', digest: found.digest });
        const wanted = files.filter(({ path }) => isWanted(path));
        const missing = await absent(cache.phaseDirectory(name), wanted);
        if (missing.length > 0) await downloadAll(name, missing, signal);
        return unpin;
      } catch (error) {
        await unpin();
        throw forPhase(error, name, objects.location);
      }
    },

    async restoreProgress(phase) {
      const name = phaseName(phase);
      const saved = newest(await objects.list(`progress/${name}/`));
      const note = await cache.note(name);
      if (saved === undefined) {
        // A copy of what was finished once is no work to go on with.
        if (note?.kind === 'record') await cache.replace(name);
        return;
      }
      const files = await rememberSaved(saved);
      if (note?.kind === 'progress' && note.saved === saved) return;
      await cache.replace(name);
      try {
        await downloadAll(name, files, attempts.get(name)?.claim?.signal);
      } catch (error) {
        throw forPhase(error, name, objects.location);
      }
      await cache.setNote(name, { kind: 'progress', saved });

      async function rememberSaved(key: string): Promise<StoredFile[]> {
        const there = checkedFiles(await readFilesOf(objects, key), `${objects.location}/${key}`);
        const attempt = attemptAt(name);
        for (const { sha256, object } of there) attempt.objects.set(sha256, object);
        return there;
      }
    },

    async saveProgress(phase) {
      const name = phaseName(phase);
      const attempt = attemptAt(name);
      const { claim } = attempt;
      claim?.signal.throwIfAborted();
      const directory = cache.phaseDirectory(name);
      const paths = progressOf(await filesIn(directory));
      const files = await uploadAll(name, await inParallel(filesAtATime, paths, (path) => readFile(directory, path)));
      claim?.signal.throwIfAborted();
      const saved = `progress/${name}/${padded(claim?.token ?? 0)}-${padded(++attempt.saves)}.json`;
      await objects.write(saved, jsonBytes({ files }));
      await cache.setNote(name, { kind: 'progress', saved });
      await dropSuperseded(name, attempt, saved, files);
    },

    async finish(phase, given) {
      const name = phaseName(phase);
      const attempt = attemptAt(name);
      attempt.claim?.signal.throwIfAborted();
      const { id, kind, hash } = phase;
      const key = `phases/${name}/phase.json`;
      let standing = await readRecord(phase);
      if (!standing) {
        const directory = cache.phaseDirectory(name);
        const paths = (await filesIn(directory)).filter(isResult);
        const local = await inParallel(filesAtATime, paths, (path) => readFile(directory, path));
        await uploadAll(name, local);
        await forgetVanished(name);
        const files = await uploadAll(name, local);
        const bytes = jsonBytes({ id, kind, hash, ...given, files });
        attempt.claim?.signal.throwIfAborted();
        const isOurs = await objects.create(key, bytes);
        standing = (await readRecord(phase))!;
        if (isOurs) await cache.setNote(name, { kind: 'record', digest: standing.digest });
      }
      const note = await cache.note(name);
      if (note?.kind !== 'record' || note.digest !== standing.digest) await cache.replace(name);
      await attempt.claim?.release();
      attempts.delete(name);
      await cleanUp(name, standing.record);
      return standing.record;
    },

    async peek(phase, path) {
      const name = phaseName(phase);
      const found = await readRecord(phase);
      let files = found?.record.files;
      if (!found) {
        const saved = newest((await list('progress/')).filter((key) => key.startsWith(`progress/${name}/`)));
        files = saved === undefined ? [] : await readFilesOf(objects, saved);
      }
      const file = files?.find((candidate) => candidate.path === path);
      const bytes = file && (await objects.read(file.object));
      if (bytes && createHash('sha256').update(bytes).digest('hex') !== file.sha256) {
        throw new StudyError(
          'store-damaged',
          `Expected content of sha256 ${file.sha256} in ${objects.location}/${file.object}, got another.`,
        );
      }
      return bytes;
    },

    readShared: (path) => objects.read(path),
    async writeShared(path, content) {
      await objects.write(path, typeof content === 'string' ? Buffer.from(content) : content);
      await writeWhole(join(cache.directory, path), content);
      return join(cache.directory, path);
    },

    async lock() {
      const holder = await readClaimant(claimsOf(wholeStore));
      if (holder) {
        throw new StudyError(
          'store-locked',
          `Another run (process ${holder.pid} on ${holder.host}, since ${holder.since}) is using this store. Wait for it to end.`,
        );
      }
      const claim = (await takeClaim(claimsOf(wholeStore), async () => false))!;
      return claim.release;
    },
    holder: () => readClaimant(claimsOf(wholeStore)),
  };
  return store;

  /** An attempt of this machine's cache that was broken off goes on under its name, with what it has uploaded. */
  async function resumedAttempt(name: string, token: number): Promise<Pick<Attempt, 'name' | 'objects'>> {
    const before = await cache.attempt(name);
    const attempt = before ?? attemptName(token);
    if (before === undefined) await cache.setAttempt(name, attempt);
    const prefix = `files/${name}/${attempt}/`;
    const keys = before === undefined ? [] : await objects.list(prefix);
    return { name: attempt, objects: new Map(keys.map((key) => [key.slice(prefix.length), key])) };
  }

  /** Before a record names objects it is made sure that they are there, whoever may have tidied up. */
  async function forgetVanished(name: string): Promise<void> {
    const { objects: known } = attemptAt(name);
    const there = new Set(await objects.list(`files/${name}/`));
    for (const [sha256, key] of known) if (!there.has(key)) known.delete(sha256);
  }

  /** Removes what this attempt saved before. A worker that was overtaken removes nothing: another may be reading it. */
  async function dropSuperseded(name: string, attempt: Attempt, saved: string, files: StoredFile[]): Promise<void> {
    const token = attempt.claim?.token ?? 0;
    const tokens = await claimsOf(name).list();
    if (attempt.claim?.signal.aborted || Math.max(token, ...tokens) > token) return;
    const own = `progress/${name}/${padded(token)}-`;
    await objects.remove(own, (key) => key === saved);
    const kept = new Set(files.map(({ object }) => object));
    for (const [sha256, object] of attempt.objects) if (!kept.has(object)) attempt.objects.delete(sha256);
    await objects.remove(`files/${name}/${attempt.name}/`, (key) => kept.has(key));
  }

  /** Nothing but what the record names is needed any more. What cannot be removed now only takes room. */
  async function cleanUp(name: string, { files = [] }: PhaseRecord): Promise<void> {
    const kept = new Set(files.map(({ object }) => object));
    try {
      await objects.remove(`files/${name}/`, (key) => kept.has(key));
      await objects.remove(`progress/${name}/`);
    } catch (error) {
      if (!StudyError.isInstance(error)) throw error;
    }
  }
}

/**
 * Makes the store where it is not there, and makes sure that it is one of this version on a server that can keep it.
 *
 * @returns what tells this store from others
 */
async function checkStore(objects: Objects, create: boolean): Promise<string> {
  const key = 'store.json';
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

function claimFiles(objects: Objects, prefix: string): ClaimFiles {
  const keyOf = (token: number): string => `${prefix}${padded(token)}.json`;
  return {
    async list() {
      return (await objects.list(prefix)).map((key) => Number.parseInt(key.slice(prefix.length), 10));
    },
    create: (token, text) => objects.create(keyOf(token), Buffer.from(text)),
    read: async (token) => {
      const bytes = await objects.read(keyOf(token));
      return bytes && textOf(bytes);
    },
    write: (token, text) => objects.write(keyOf(token), Buffer.from(text)),
  };
}

async function readFilesOf(objects: Objects, key: string): Promise<readonly StoredFile[] | undefined> {
  const bytes = await objects.read(key);
  return bytes && (parseJson(textOf(bytes), `${objects.location}/${key}`) as { files?: StoredFile[] }).files;
}

/** What names files on this machine is not taken on trust. */
function checkedFiles(files: readonly StoredFile[] | undefined, where: string): StoredFile[] {
  const isWhole = (file: StoredFile): boolean =>
    Number.isSafeInteger(file.bytes) &&
    /^[0-9a-f]{64}$/.test(file.sha256) &&
    typeof file.object === 'string' &&
    typeof file.path === 'string' &&
    !/(?:^|[/\\])\.\.?(?:[/\\]|$)|^[/\\]|^[a-z]:|\0/i.test(file.path);
  if (Array.isArray(files) && files.every(isWhole)) return [...files];
  throw new StudyError(
    'store-damaged',
    `Expected a list of files in ${where}, each with path, bytes, sha256 and object. Delete that object and run again.`,
  );
}

async function absent(directory: string, files: readonly StoredFile[]): Promise<StoredFile[]> {
  const sizes = await Promise.all(
    files.map(({ path }) =>
      stat(join(directory, path)).then(
        ({ size }) => size,
        () => -1,
      ),
    ),
  );
  return files.filter(({ bytes }, i) => sizes[i] !== bytes);
}

/** Says what to do about a phase whose stored files are gone or damaged. */
function forPhase(error: unknown, name: string, location: string): unknown {
  if (!StudyError.isInstance(error) || error.code !== 'store-damaged') return error;
  return new StudyError(
    'store-damaged',
    `Phase ${name} cannot be fetched: ${error.message} Delete ${location}/phases/${name}/phase.json and ${location}/progress/${name}/ and run the study again: that phase is then made anew.`,
    { cause: error },
  );
}

/** The key that sorts last: the highest token, then the highest number. */
function newest(keys: readonly string[]): string | undefined {
  return [...keys].sort().at(-1);
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

function attemptName(token: number): string {
  return `${padded(token)}-${randomBytes(4).toString('hex')}`;
}

function padded(value: number): string {
  return String(value).padStart(6, '0');
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
