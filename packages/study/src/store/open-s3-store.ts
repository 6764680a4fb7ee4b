import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Store, StoreOptions } from '../store.ts';
import { StudyError } from '../study-error.ts';
import { openLocalCache } from './local-cache.ts';
import { openObjectStore } from './object-store.ts';
import { explained, explainObjectError, type Objects } from './objects.ts';

const packageName = '@vlm/store-s3';
const defaultCacheBytes = 50e9;

/** Opens a store in S3-compatible storage, set by the environment. */
export async function openS3Store(location: string, options: StoreOptions): Promise<Store> {
  const { openS3 } = await loadPackage(packageName);
  const objects = await openS3(location).catch((error: unknown) => {
    throw explainObjectError(error);
  });
  const { cacheDirectory = defaultCacheDirectory(), cacheBytes = cacheBytesOfEnvironment() } = options;
  const readable = objects.location.slice('s3://'.length).replaceAll('/', '-');
  return openObjectStore(
    explained(objects),
    (id) => openLocalCache(resolve(cacheDirectory, `${readable}-${id}`), cacheBytes),
    options,
  );
}

/** Loaded when it is needed: whoever keeps studies in folders installs none of it. */
export async function loadPackage(name: string): Promise<{ openS3(location: string): Promise<Objects> }> {
  try {
    return (await import(name)) as { openS3(location: string): Promise<Objects> };
  } catch (cause) {
    throw new StudyError(
      'missing-package',
      `A store in S3 needs the package ${name}, which could not be loaded (${(cause as Error).message.split('\n')[0]}). Install it beside staged-vlm: npm install ${name}`,
      { cause },
    );
  }
}

function defaultCacheDirectory(): string {
  const { STAGED_VLM_CACHE: named, XDG_CACHE_HOME: caches = join(homedir(), '.cache') } = process.env;
  return named ?? join(caches, 'staged-vlm');
}

function cacheBytesOfEnvironment(): number {
  const text = process.env['STAGED_VLM_CACHE_BYTES'];
  if (text === undefined) return defaultCacheBytes;
  const bytes = Number(text);
  if (bytes > 0) return bytes;
  throw new StudyError(
    'bad-store',
    `Expected STAGED_VLM_CACHE_BYTES to be a number of bytes, got ${JSON.stringify(text)}.`,
  );
}
