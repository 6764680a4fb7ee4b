import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { type ClientOptions, createClient } from './client.ts';
import { downloadFile } from './download.ts';
import { explain, nameOf, S3StoreError, statusOf } from './errors.ts';
import { parseLocation } from './location.ts';
import { retrying } from './retry.ts';
import { type FileFacts, put, uploadFile } from './upload.ts';

/** Named bytes. What `create` made is whole, was made by one writer alone, and every byte that comes back is the one that went in. */
export interface S3Objects {
  /** `s3://bucket/prefix`, without a slash at its end. */
  readonly location: string;
  /** The bytes of a small object; undefined where there is none. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** Writes a small object, in place of any that is there. */
  write(key: string, bytes: Uint8Array): Promise<void>;
  /** Writes a small object that must not be there. @returns false where it is: of several writers one alone gets true */
  create(key: string, bytes: Uint8Array): Promise<boolean>;
  /**
   * Makes sure that the server keeps conditional writes, by creating an object that is there.
   *
   * @param bytes what the object holds
   * @throws S3StoreError `no-conditions` where the second writer was let in
   */
  checkConditions(key: string, bytes: Uint8Array): Promise<void>;
  /** Keys that begin with a prefix, in order. */
  list(prefix: string): Promise<string[]>;
  /** Removes objects and uploads that were broken off; none there is fine. */
  remove(prefix: string, keep?: (key: string) => boolean): Promise<void>;
  /** Uploads a file under a key that no other content is ever given. A large one that was broken off goes on where it was. */
  upload(key: string, path: string, facts: FileFacts, signal?: AbortSignal): Promise<void>;
  /** Downloads into a file that appears when it is whole. */
  download(key: string, path: string, facts: FileFacts, signal?: AbortSignal): Promise<void>;
  close(): void;
}

export interface S3Options extends ClientOptions {
  /** Files of at most so many bytes go as one request; longer ones in parts. At least 5 MiB, unless a server takes less. Default 16 MiB. */
  partBytes?: number;
  /** Requests of one file at a time. Default 4. */
  concurrency?: number;
  /** Seconds for which a request that fails for a passing reason is tried again. Default 300, or `STAGED_VLM_S3_PATIENCE_SECONDS`. */
  patienceSeconds?: number;
  /** Told of every request that is tried again. */
  onRetry?(error: unknown, attempt: number): void;
}

const mebibyte = 2 ** 20;
const removalsAtATime = 8;
const defaultPatienceSeconds = 300;
/** Patience before the store has answered for the first time: a wrong address should not look like a slow one. */
const firstPatienceSeconds = 15;

/**
 * Opens a bucket, or a prefix of it, on Amazon S3 or any server that speaks its protocol and keeps conditional writes.
 *
 * @param location `s3://bucket/prefix`
 * @throws S3StoreError `bad-location`, `bad-setting`, `no-bucket`, `access-denied`, `no-credentials`, `wrong-region`, `clock-skew`, `unreachable`
 * @example
 * const objects = await openS3('s3://lab/studies', { endpoint: 'https://minio.example.org' });
 * const isOurs = await objects.create('result.json', new TextEncoder().encode('{}'));
 */
export async function openS3(location: string, options: S3Options = {}): Promise<S3Objects> {
  const { bucket, prefix } = parseLocation(location);
  const patienceSeconds = options.patienceSeconds ?? patienceOfEnvironment();
  const { client, endpoint } = await createClient(options);
  const attempt = async <Result>(
    key: string | undefined,
    action: () => Promise<Result>,
    { patience = patienceSeconds, signal }: { patience?: number | undefined; signal?: AbortSignal | undefined } = {},
  ) => {
    try {
      return await retrying(action, { patienceSeconds: patience, signal, onRetry: options.onRetry });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw explain(error, { bucket, endpoint, ...(key === undefined ? {} : { key }) });
    }
  };
  const { partBytes = 16 * mebibyte, concurrency = 4 } = options;
  const settings = { client, bucket, partBytes, rangeBytes: partBytes, concurrency, attempt };
  const keyOf = (key: string): string => prefix + key;
  const Bucket = bucket;

  const read = async (key: string, patience?: number): Promise<Uint8Array | undefined> => {
    const Key = keyOf(key);
    return attempt(
      Key,
      async () => {
        try {
          const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket, Key }));
          const bytes = await Body!.transformToByteArray();
          if (ContentLength === undefined || ContentLength === bytes.length) return bytes;
          throw Object.assign(new Error(`premature end: ${bytes.length} of ${ContentLength} bytes`), {
            code: 'ECONNRESET',
          });
        } catch (error) {
          if (nameOf(error) === 'NoSuchKey') return undefined;
          throw error;
        }
      },
      { patience },
    );
  };

  const create = async (key: string, bytes: Uint8Array): Promise<boolean> => {
    const Key = keyOf(key);
    return attempt(Key, async () => {
      try {
        await client.send(new PutObjectCommand({ Bucket, Key, Body: bytes, IfNoneMatch: '*' }));
        return true;
      } catch (error) {
        if (statusOf(error) === 412) {
          // An earlier try may have arrived without its answer: then the object is ours.
          const there = await read(key);
          return there !== undefined && Buffer.compare(there, bytes) === 0;
        }
        if (statusOf(error) === 501) throw noConditions(endpoint, error);
        throw error;
      }
    });
  };

  const list = async (start: string): Promise<string[]> => {
    const keys: string[] = [];
    for (let token: string | undefined; ; ) {
      const page = await attempt(keyOf(start), () =>
        client.send(
          new ListObjectsV2Command({
            Bucket,
            Prefix: keyOf(start),
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      );
      for (const { Key } of page.Contents ?? []) keys.push(Key!.slice(prefix.length));
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
      if (token === undefined) return keys;
    }
  };

  const removeUploads = async (start: string): Promise<void> => {
    const listed = await attempt(keyOf(start), () =>
      client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: keyOf(start) })),
    ).catch(() => undefined);
    for (const { Key, UploadId } of listed?.Uploads ?? []) {
      if (!Key?.startsWith(keyOf(start))) continue;
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => undefined);
    }
  };

  await read('store.json', Math.min(firstPatienceSeconds, patienceSeconds));
  return {
    location: `s3://${bucket}${prefix && `/${prefix.slice(0, -1)}`}`,
    read: (key) => read(key),
    list,
    write: (key, bytes) => put(settings, keyOf(key), bytes),

    create,
    async checkConditions(key, bytes) {
      if (!(await create(key, Buffer.concat([bytes, Buffer.from('\n')])))) return;
      await put(settings, keyOf(key), bytes);
      throw noConditions(endpoint);
    },
    async remove(start, keep = () => false) {
      const keys = (await list(start)).filter((key) => !keep(key));
      // One by one: the request for many needs a checksum that not every server takes.
      for (let i = 0; i < keys.length; i += removalsAtATime) {
        const removals = keys.slice(i, i + removalsAtATime).map((key) => {
          const Key = keyOf(key);
          return attempt(Key, () => client.send(new DeleteObjectCommand({ Bucket, Key })));
        });
        await Promise.all(removals);
      }
      await removeUploads(start);
    },

    upload: (key, path, facts, signal) => uploadFile(settings, keyOf(key), path, facts, signal),
    download: (key, path, facts, signal) => downloadFile(settings, keyOf(key), path, facts, signal),
    close: () => client.destroy(),
  };
}

function patienceOfEnvironment(): number {
  const text = process.env['STAGED_VLM_S3_PATIENCE_SECONDS'];
  if (text === undefined) return defaultPatienceSeconds;
  const seconds = text.trim() === '' ? Number.NaN : Number(text);
  if (seconds >= 0) return seconds;
  throw new S3StoreError(
    'bad-setting',
    `Expected STAGED_VLM_S3_PATIENCE_SECONDS to be a number of seconds, 0 or more, got ${JSON.stringify(text)}.`,
  );
}

function noConditions(where: string, cause?: unknown): S3StoreError {
  return new S3StoreError(
    'no-conditions',
    `The server of ${where} does not keep conditional writes (If-None-Match), so that two writers of one result could mix. Use one that does: Amazon S3, MinIO, Ceph, Cloudflare R2.`,
    cause === undefined ? {} : { cause },
  );
}
