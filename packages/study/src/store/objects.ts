import { StudyError, type StudyErrorCode } from '../study-error.ts';

/** What a stored file is, so that what comes back can be compared. */
export interface FileFacts {
  bytes: number;
  sha256: string;
}

/** Named bytes elsewhere. `@vlm/store-s3` keeps them in S3-compatible storage; anything that keeps this contract can carry a store. */
export interface Objects {
  readonly location: string;
  /** The bytes of a small object; undefined where there is none. What was written is seen at once by everybody. */
  read(key: string): Promise<Uint8Array | undefined>;
  write(key: string, bytes: Uint8Array): Promise<void>;
  /** Writes an object that must not be there: of several writers one alone gets true, and does so even where its answer was lost. */
  create(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Makes sure that `create` keeps its promise, with an object that is there and holds `bytes`. */
  checkConditions(key: string, bytes: Uint8Array): Promise<void>;
  list(prefix: string): Promise<string[]>;
  remove(prefix: string, keep?: (key: string) => boolean): Promise<void>;
  /** Under a key that no other content is ever given. */
  upload(key: string, path: string, facts: FileFacts, signal?: AbortSignal): Promise<void>;
  /** The file appears once it is whole and compared. */
  download(key: string, path: string, facts: FileFacts, signal?: AbortSignal): Promise<void>;
}

const codes: Record<string, StudyErrorCode> = {
  'bad-location': 'bad-store',
  'bad-setting': 'bad-store',
  'object-missing': 'store-damaged',
  'object-damaged': 'store-damaged',
  'file-changed': 'phase-failed',
  refused: 'unreachable',
};
const sameCodes = new Set([
  'no-bucket',
  'access-denied',
  'no-credentials',
  'wrong-region',
  'clock-skew',
  'unreachable',
  'no-conditions',
]);

/** What an object store says is wrong, as an error of this package; every other error as it is. */
export function explainObjectError(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'S3StoreError') return error;
  const { code = '' } = error as { code?: string };
  const known = sameCodes.has(code) ? (code as StudyErrorCode) : (codes[code] ?? 'unreachable');
  return new StudyError(known, error.message, { cause: error });
}

/** The same objects, whose errors are errors of this package. */
export function explained(objects: Objects): Objects {
  const wrap =
    <Arguments extends unknown[], Result>(method: (...args: Arguments) => Promise<Result>) =>
    (...args: Arguments): Promise<Result> =>
      method(...args).catch((error: unknown) => {
        throw explainObjectError(error);
      });
  return {
    location: objects.location,
    read: wrap((key) => objects.read(key)),
    write: wrap((key, bytes) => objects.write(key, bytes)),
    create: wrap((key, bytes) => objects.create(key, bytes)),
    checkConditions: wrap((key, bytes) => objects.checkConditions(key, bytes)),
    list: wrap((prefix) => objects.list(prefix)),
    remove: wrap((prefix, keep) => objects.remove(prefix, keep)),
    upload: wrap((key, path, facts, signal) => objects.upload(key, path, facts, signal)),
    download: wrap((key, path, facts, signal) => objects.download(key, path, facts, signal)),
  };
}
