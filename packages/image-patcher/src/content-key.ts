import { createHash } from 'node:crypto';

/** The key of an image in caches: SHA-256 of its file, in hexadecimal. */
export function contentKey(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
