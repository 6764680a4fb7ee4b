import { isAbsolute, relative, sep } from 'node:path';

export type StudyErrorCode =
  | 'bad-recipe'
  | 'unknown-preset'
  | 'store-version'
  | 'runs-elsewhere'
  | 'store-damaged'
  | 'bad-store'
  | 'no-store'
  | 'claim-lost'
  | 'missing-package'
  | 'no-bucket'
  | 'access-denied'
  | 'no-credentials'
  | 'wrong-region'
  | 'clock-skew'
  | 'unreachable'
  | 'no-conditions'
  | 'no-space'
  | 'read-only'
  | 'phase-failed'
  | 'interrupted'
  | 'not-finished'
  | 'missing-artifact'
  | 'missing-here'
  | 'bad-image'
  | 'bad-data'
  | 'port-taken'
  | 'cancelled'
  | 'version-mismatch'
  | 'job-refused'
  | 'bad-location'
  | 'bad-option'
  | 'queue-unreachable';

const marker = Symbol.for('@vlm/study/error');

/** Every error that this package throws on purpose. `code` is stable; `message` says what was expected, what came, and what to do. */
export class StudyError extends Error {
  readonly code: StudyErrorCode;
  readonly [marker] = true;

  constructor(code: StudyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StudyError';
    this.code = code;
  }

  /** True for a StudyError of any installed version of this package. */
  static isInstance(error: unknown): error is StudyError {
    return typeof error === 'object' && error !== null && marker in error;
  }
}

/**
 * Turns the file system's own errors into sentences with something to do; passes every other error through.
 *
 * @param path what was being written
 * @param store folder of the store, where the error may as well be about another file, such as data that a recipe names
 */
export function explainFileError(error: unknown, path: string, store?: string): unknown {
  const { code, path: file } = (error as NodeJS.ErrnoException | undefined) ?? {};
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StudyError(
      'no-space',
      `No space left while writing ${path}. Free some space (\`npx staged-vlm study plan\` says how much a recipe needs) and run the same command again: finished phases and checkpoints are kept.`,
      { cause: error },
    );
  }
  if (code === 'ENOTDIR' || (code === 'EEXIST' && file === path)) {
    return new StudyError(
      'bad-store',
      `Expected a folder in ${path}, got a file there or above it; choose another with --store.`,
      {
        cause: error,
      },
    );
  }
  const isForbidden = code === 'EROFS' || code === 'EACCES' || code === 'EPERM';
  if (isForbidden && store !== undefined && file !== undefined && !isWithin(file, store)) {
    return new StudyError(
      'bad-data',
      `Cannot open ${file} (${code}), which is no part of the store in ${store}. Let this user read it, or name another in the recipe.`,
      { cause: error },
    );
  }
  if (isForbidden) {
    return new StudyError(
      'read-only',
      `Cannot write ${path} (${code}). The store must be a folder that this user may write; choose another with --store.`,
      { cause: error },
    );
  }
  return error;
}

function isWithin(file: string, folder: string): boolean {
  const path = relative(folder, file);
  return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
