import type { ByteSource } from './byte-source.ts';
import { WebDatasetError } from './errors.ts';
import { fileSource } from './file-source.ts';
import { httpSource } from './http-source.ts';
import { streamSource } from './stream-sources.ts';

const unknownSchemes: Readonly<Record<string, string>> = {
  s3: 'give { source: sourceByScheme({ s3: s3Source() }) } with s3Source from "webdataset-ts/s3"',
  pipe: 'it runs a command, so it is off unless you ask for it: give { source: sourceByScheme({ pipe: pipeSource() }) } if you trust the list',
  gs: 'Google Cloud Storage speaks S3: use s3Source with its endpoint https://storage.googleapis.com and HMAC keys, or signed https: addresses',
};

/**
 * Chooses where each shard comes from by its address: paths and `file:` are files, `http:` and `https:` are fetched, `-` is standard input.
 *
 * @param more sources of further schemes, or others for these (`file`, `http`, `https`, `-`)
 * @throws WebDatasetError `invalid-argument` while reading, for a scheme without a source; the message says what to give
 * @example
 * import { s3Source } from 'webdataset-ts/s3';
 * readShards('s3://bucket/train-{000..009}.tar', { source: sourceByScheme({ s3: s3Source({ config: { region: 'eu-central-1' } }) }) });
 */
export function sourceByScheme(more: Readonly<Record<string, ByteSource>> = {}): ByteSource {
  const http = httpSource();
  const sources: Record<string, ByteSource> = { file: fileSource, http, https: http, '-': streamSource(), ...more };
  const sourceOf = (shard: string): ByteSource => {
    const scheme = schemeOf(shard);
    const source = Object.hasOwn(sources, scheme) ? sources[scheme] : undefined;
    if (source !== undefined) return source;
    const remedy =
      unknownSchemes[scheme] ??
      `give { source: sourceByScheme({ ${JSON.stringify(scheme)}: … }) } with a ByteSource of your own`;
    throw new WebDatasetError('invalid-argument', `no source for "${scheme}:" addresses; ${remedy}`, { shard });
  };
  return {
    open: (shard, offset, options) => sourceOf(shard).open(shard, offset, options),
    seekable: (shard) => sourceOf(shard).seekable?.(shard) ?? true,
    identify: async (shard) => sourceOf(shard).identify?.(shard),
  };
}

/** One letter is a drive of Windows. */
function schemeOf(shard: string): string {
  if (shard === '-') return '-';
  return /^([a-z][a-z0-9+.-]+):/i.exec(shard)?.[1]?.toLowerCase() ?? 'file';
}
