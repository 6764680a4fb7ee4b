import { S3StoreError } from './errors.ts';

/**
 * Bucket and prefix of `s3://bucket/prefix`; the prefix ends with `/` or is empty.
 *
 * @throws S3StoreError `bad-location`
 * @example parseLocation('s3://lab/studies/quick') // { bucket: 'lab', prefix: 'studies/quick/' }
 */
export function parseLocation(location: string): { bucket: string; prefix: string } {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(location);
  const parts = (match?.[2] ?? '').split('/').filter(Boolean);
  if (!match || parts.some((part) => part === '.' || part === '..') || /[?#\s]/.test(match[2] ?? '')) {
    throw new S3StoreError(
      'bad-location',
      // Whoever wrote a password into the address does not want to read it in a log.
      `Expected s3://bucket/prefix with a bucket of 3 to 63 small letters, digits, "." and "-", got ${location.replace(/\/\/[^/@]*@/, '//…@')}.`,
    );
  }
  return { bucket: match[1]!, prefix: parts.map((part) => `${part}/`).join('') };
}
