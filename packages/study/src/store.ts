import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Phase } from './graph.ts';
import type { Hardware } from './hardware.ts';
import type { Claim, ClaimOptions } from './store/claim.ts';
import { openDirectoryStore } from './store/directory-store.ts';
import type { StoreHolder } from './store/holder.ts';
import { openS3Store } from './store/open-s3-store.ts';
import type { ShownRun, StudyRun } from './store/runs.ts';
import { StudyError } from './study-error.ts';

/** What a finished phase leaves beside its files. */
export interface PhaseRecord {
  id: string;
  kind: string;
  hash: string;
  finishedAt: string;
  /** Time that the attempt which finished the phase took, in seconds. */
  seconds: number;
  /** Peak resident memory of the phase's process in bytes. */
  peakBytes: number;
  /** The machine that finished it, and the threads it used; absent in records of earlier versions. */
  hardware?: PhaseHardware;
  /** Plain figures of the phase for the report (tokens, losses, counts). */
  summary: Record<string, unknown>;
  /** Every file of the phase, where the store is not a folder: what to fetch, and what must come. */
  files?: readonly StoredFile[];
}

export interface PhaseHardware extends Hardware {
  /** Threads of the phase's engine, where it has one. */
  threads?: number;
}

export interface StoredFile {
  /** Relative to the phase's folder, with `/`. */
  path: string;
  bytes: number;
  sha256: string;
  /** Name of the object that holds it. */
  object: string;
}

/** What names a phase in a store. */
export type PhaseKey = Pick<Phase, 'kind' | 'hash'>;

export interface FetchOptions {
  /** Which files are needed, by their path in the phase's folder. Default: all. */
  files?(path: string): boolean;
  signal?: AbortSignal;
}

/**
 * Keeps every phase's output under the phase's hash, so that nothing is ever done twice. A phase appears whole or not at all, and the first
 * record of it stands.
 *
 * Phases work in a local folder. For a store elsewhere that folder is a cache: `fetch` brings finished phases, `saveProgress` and
 * `restoreProgress` carry checkpoints of unfinished ones, `finish` publishes.
 */
export interface Store {
  /** What another process opens this store with: an absolute folder, or `s3://bucket/prefix`. */
  readonly location: string;
  /** Local folder in which phases work: the store itself, or a cache of it. */
  readonly directory: string;
  /** What `openStore` was told of local copies: a process that opens `location` with this too shares them. */
  readonly cache?: CacheOptions;
  /** Local folder that a phase owns: `phases/<kind>-<hash>`. */
  phaseDirectory(phase: PhaseKey): string;
  /** The record of a finished phase; undefined while it is not finished. */
  record(phase: PhaseKey): Promise<PhaseRecord | undefined>;
  /**
   * Takes a phase for this process: waits while a living worker has it, takes over from a lost one.
   *
   * @returns undefined when the phase was finished meanwhile
   * @throws StudyError `interrupted`
   */
  claim(phase: PhaseKey, options?: ClaimOptions): Promise<Claim | undefined>;
  /** Who has claimed a phase; undefined where nobody that shows a sign of life has. */
  claimant(phase: PhaseKey): Promise<StoreHolder | undefined>;
  /**
   * Makes a finished phase's files present in its local folder, verified.
   *
   * @returns lets them go: until then, or the end of this process, they stay
   * @throws StudyError `not-finished`, `store-damaged`, `no-space`
   */
  fetch(phase: PhaseKey, options?: FetchOptions): Promise<() => Promise<void>>;
  /** Brings what the last attempt saved into the phase's local folder, unless the folder is at least as far. */
  restoreProgress(phase: PhaseKey): Promise<void>;
  /** Saves what the phase's local folder holds, so that another worker can go on from it. Call it when a checkpoint is whole on the disk. */
  saveProgress(phase: PhaseKey): Promise<void>;
  /**
   * Publishes the phase's local folder, all files first, then the record.
   *
   * @returns the record that stands: ours, or that of another writer who was first (ours is then discarded)
   * @throws StudyError `claim-lost` when this process had claimed the phase and lost it
   */
  finish(phase: Phase, record: Omit<PhaseRecord, 'id' | 'kind' | 'hash' | 'files'>): Promise<PhaseRecord>;
  /** One file of a phase as it stands in the store, finished or as last saved; undefined where there is none. */
  peek(phase: PhaseKey, path: string): Promise<Uint8Array | undefined>;
  /** A small file beside the phases (`reports/quick/report.html`); undefined where there is none. */
  readShared(path: string): Promise<Uint8Array | undefined>;
  /** Writes it, here and in the store. @returns its path in `directory` */
  writeShared(path: string, content: string | Uint8Array): Promise<string>;
  /** Shows others that this process runs a study. Any number may at once: claims keep two from one phase. */
  showRun(run: Pick<StudyRun, 'study' | 'machine'>): Promise<ShownRun>;
  /** Processes that run studies here at this moment, as far as they show a sign of life. */
  runs(): Promise<StudyRun[]>;
}

export interface StoreOptions extends CacheOptions {
  /** False: a store that is not there is an error `no-store`. Default true. A folder is always made. */
  create?: boolean;
}

export interface CacheOptions {
  /** Where stores that are not folders keep their local copies. Default: `STAGED_VLM_CACHE`, or `staged-vlm` in the user's cache. */
  cacheDirectory?: string;
  /** Bytes that those copies may take; finished phases that were not used for longest go first. Default: `STAGED_VLM_CACHE_BYTES`, or 50 GB. */
  cacheBytes?: number;
}

/**
 * Opens a store, making it if it is not there.
 *
 * @param location a folder, or `s3://bucket/prefix`, which needs the package `@vlm/store-s3`
 * @throws StudyError `store-version` for a store written by another version, `store-damaged` for an unreadable one,
 *   `read-only` or `no-space` where it cannot be made; for S3 also `missing-package`, `bad-store`, `no-bucket`, `access-denied`, `no-credentials`,
 *   `wrong-region`, `clock-skew`, `unreachable`, `no-conditions`
 * @example
 * const store = await openStore('.staged-vlm');
 */
export async function openStore(location: string, options: StoreOptions = {}): Promise<Store> {
  const scheme = schemeOf(location);
  if (scheme === 's3') return openS3Store(location, options);
  if (scheme === undefined) return openDirectoryStore(resolve(location));
  throw new StudyError('bad-store', `Expected a folder or s3://bucket/prefix as a store, got one of ${scheme}://.`);
}

/**
 * The store at a place, if there is one: nothing is made.
 *
 * @throws StudyError like `openStore`
 */
export async function findStore(location: string, options: StoreOptions = {}): Promise<Store | undefined> {
  const isFolder = schemeOf(location) === undefined;
  if (isFolder)
    return isFile(location) || existsSync(join(location, 'store.json')) ? openStore(location, options) : undefined;
  try {
    return await openStore(location, { ...options, create: false });
  } catch (error) {
    if (StudyError.isInstance(error) && error.code === 'no-store') return undefined;
    throw error;
  }
}

/** Such a place is no store and never will be: opening it says so. */
const isFile = (location: string): boolean => statSync(location, { throwIfNoEntry: false })?.isFile() === true;

function schemeOf(location: string): string | undefined {
  return /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1]?.toLowerCase();
}
