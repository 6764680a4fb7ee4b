import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { S3StoreError } from './errors.ts';
import type { FileFacts } from './upload.ts';

export interface DownloadSettings {
  client: S3Client;
  bucket: string;
  /** Bytes of one request. */
  rangeBytes: number;
  /** Requests at a time. */
  concurrency: number;
  attempt<Result>(
    key: string,
    action: () => Promise<Result>,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<Result>;
}

/** Whole downloads of one object before its content is called damaged. */
const mostDownloads = 3;

/**
 * Downloads an object beside its place and renames it once its content is the expected one.
 *
 * @throws S3StoreError `object-damaged` where it is not, again and again
 */
export async function downloadFile(
  settings: DownloadSettings,
  key: string,
  path: string,
  facts: FileFacts,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  let got = '';
  for (let i = 0; i < mostDownloads; i++) {
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      got = await writeRanges(settings, key, temporary, facts.bytes, signal);
      if (got === facts.sha256) return await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  }
  throw new S3StoreError(
    'object-damaged',
    `Expected content of sha256 ${facts.sha256} in s3://${settings.bucket}/${key}, got ${got} in ${mostDownloads} downloads. The object is damaged: delete what it belongs to, so that it is made again.`,
  );
}

/** Several ranges are under way at a time, and are written and hashed in order. @returns sha256 of what came */
async function writeRanges(
  settings: DownloadSettings,
  key: string,
  path: string,
  bytes: number,
  signal?: AbortSignal,
): Promise<string> {
  const content = createHash('sha256');
  const file = await open(path, 'w');
  const under: Promise<Uint8Array>[] = [];
  let asked = 0;
  try {
    while (asked < bytes || under.length > 0) {
      while (asked < bytes && under.length < settings.concurrency) {
        const end = Math.min(bytes, asked + settings.rangeBytes);
        const range = getRange(settings, key, asked, end, signal);
        range.catch(() => undefined); // It is awaited in its turn.
        under.push(range);
        asked = end;
      }
      const body = await under.shift()!;
      content.update(body);
      for (let written = 0; written < body.length; )
        written += (await file.write(body, written, body.length - written)).bytesWritten;
    }
    await file.sync();
  } finally {
    await Promise.allSettled(under);
    await file.close();
  }
  return content.digest('hex');
}

async function getRange(
  { client, bucket, attempt }: DownloadSettings,
  key: string,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const once = async (): Promise<Uint8Array> => {
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${start}-${end - 1}` });
    const { Body } = await client.send(command, { ...(signal && { abortSignal: signal }) });
    const body = await Body!.transformToByteArray();
    if (body.length === end - start) return body;
    // A connection that was cut at the end of a packet looks like the end of the body.
    throw Object.assign(new Error(`premature end: expected ${end - start} bytes, got ${body.length}`), {
      code: 'ECONNRESET',
    });
  };
  return attempt(key, once, { signal });
}
