import { createRequire } from 'node:module';
import type { ByteSource } from './byte-source.ts';
import { checkFields } from './check-fields.ts';
import { WebDatasetError } from './errors.ts';
import {
  checkedRetry,
  type RemoteBody,
  RequestError,
  type RetryOptions,
  resumingStream,
  retryFields,
} from './resuming-stream.ts';

/** The part of `S3Client` (@aws-sdk/client-s3) that is used. */
export interface S3ClientLike {
  // biome-ignore lint/suspicious/noExplicitAny: the client's own overloads fit no narrower shape, and its types are not a dependency
  send(command: any): Promise<any>;
}

/** How shards are fetched from S3-compatible stores. */
export interface S3SourceOptions extends RetryOptions {
  /** A client of yours. Default: one made of `config`. */
  client?: S3ClientLike | undefined;
  /** Settings of `new S3Client(…)`: region, endpoint, credentials, forcePathStyle. Default: what the environment says. */
  config?: Readonly<Record<string, unknown>> | undefined;
}

const s3Fields: Record<keyof S3SourceOptions, true> = { client: true, config: true, ...retryFields };

interface GetObjectOutput {
  Body?: AsyncIterable<Uint8Array> & { destroy?(): void };
  ContentRange?: string;
  ContentLength?: number;
  ETag?: string;
}

/** Loads the SDK when the first shard is opened, so that this package installs without it. */
function loadSdk(): typeof import('@aws-sdk/client-s3') {
  try {
    return createRequire(import.meta.url)('@aws-sdk/client-s3');
  } catch (cause) {
    throw new WebDatasetError(
      'invalid-argument',
      's3Source needs the package @aws-sdk/client-s3, which could not be loaded; install it beside webdataset-ts: npm install @aws-sdk/client-s3',
      {},
      cause,
    );
  }
}

/**
 * Reads shards from `s3://BUCKET/KEY`: Amazon S3, MinIO, Cloudflare R2, Ceph and others. Connections that break are resumed at the byte.
 * Needs the package `@aws-sdk/client-s3`.
 *
 * @throws WebDatasetError `invalid-argument` for an option that is not one; while reading: `unreadable` with the store's answer; `invalid-argument` without the SDK, or for another address
 * @example
 * const s3 = s3Source({ config: { endpoint: 'https://minio.example.org', region: 'us-east-1', forcePathStyle: true } });
 * readShards('s3://bucket/train-{000..009}.tar', { source: sourceByScheme({ s3 }) });
 */
export function s3Source(options: S3SourceOptions = {}): ByteSource {
  checkFields('s3Source', options, s3Fields);
  const retry = checkedRetry(options);
  let { client } = options;

  async function request(shard: string, at: number, end: number | undefined): Promise<RemoteBody | undefined> {
    const { Bucket, Key } = parseAddress(shard);
    const { GetObjectCommand, S3Client } = loadSdk();
    client ??= new S3Client(options.config ?? {});
    const Range = at > 0 || end !== undefined ? `bytes=${at}-${end === undefined ? '' : end - 1}` : undefined;
    let answer: GetObjectOutput;
    try {
      answer = await client.send(new GetObjectCommand({ Bucket, Key, ...(Range && { Range }) }));
    } catch (error) {
      if (statusOf(error) === 416) return undefined;
      throw failure(error);
    }
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.ContentRange ?? '');
    const { Body } = answer;
    if (Body === undefined) throw new RequestError('the store sent no body', { retryable: true });
    return {
      chunks: bodyOf(Body),
      cancel: () => Body.destroy?.(),
      start: range === null ? 0 : Number(range[1]),
      size: range === null ? answer.ContentLength : Number(range[2]),
      version: answer.ETag,
    };
  }

  return {
    open: (shard, offset, { length } = {}) =>
      resumingStream(shard, offset, length, (at, end) => request(shard, at, end), retry),
  };
}

function parseAddress(shard: string): { Bucket: string; Key: string } {
  const match = /^s3:\/\/([^/]+)\/(.+)$/.exec(shard);
  if (match === null)
    throw new WebDatasetError('invalid-argument', `expected s3://BUCKET/KEY, got ${JSON.stringify(shard)}`, { shard });
  return { Bucket: match[1]!, Key: match[2]! };
}

async function* bodyOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body;
  } catch (error) {
    throw failure(error);
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** The SDK has its own retries; what it gives up on while connecting is tried again here only where time may heal it. */
function failure(error: unknown): RequestError {
  const status = statusOf(error);
  const { name, message } = error as Error;
  const final = status !== undefined && status < 500 && status !== 429 && status !== 408;
  const credentials = name === 'CredentialsProviderError';
  const hint = credentials
    ? '; give s3Source credentials in config, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
    : '';
  const answer = status === undefined ? name : `${name} (status ${status})`;
  return new RequestError(`${answer}: ${message}${hint}`, { retryable: !final && !credentials, cause: error });
}
