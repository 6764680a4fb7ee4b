import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type Part,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { nameOf, S3StoreError } from './errors.ts';

export interface UploadSettings {
  client: S3Client;
  bucket: string;
  /** Files of at most so many bytes go as one request; longer ones in parts of at least so many. */
  partBytes: number;
  /** Parts on their way at a time. */
  concurrency: number;
  /** One request, tried again as long as that may help. */
  attempt<Result>(
    key: string,
    action: () => Promise<Result>,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<Result>;
}

export interface FileFacts {
  /** The file's first bytes, so many, are the object; what was appended since is left out. */
  bytes: number;
  sha256: string;
}

/** A multipart upload has at most 10,000 parts. */
const mostParts = 10_000;
const mebibyte = 2 ** 20;

/**
 * Uploads a file under a key that only this content is ever given, so that parts which an earlier try left there can be used.
 *
 * @throws S3StoreError `file-changed` where the file does not have the content that was announced
 */
export async function uploadFile(
  settings: UploadSettings,
  key: string,
  path: string,
  { bytes, sha256 }: FileFacts,
  signal?: AbortSignal,
): Promise<void> {
  const file = await open(path, 'r');
  try {
    if (bytes <= settings.partBytes) {
      const body = await readExactly(file, path, 0, bytes);
      checkContent(path, sha256, createHash('sha256').update(body).digest('hex'));
      return await put(settings, key, body, signal);
    }
    await uploadParts(settings, key, { file, path, bytes, sha256 }, signal);
  } finally {
    await file.close();
  }
}

export async function put(
  { client, bucket, attempt }: UploadSettings,
  key: string,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: body,
    ContentMD5: md5(body).toString('base64'),
  });
  await attempt(key, () => client.send(command, { ...(signal && { abortSignal: signal }) }), { signal });
}

async function uploadParts(
  settings: UploadSettings,
  key: string,
  facts: FileFacts & { file: FileHandle; path: string },
  signal?: AbortSignal,
): Promise<void> {
  try {
    await sendParts(settings, key, facts, signal);
  } catch (error) {
    // The upload is gone although nobody here ended it: an earlier try of the last request made the object of it, and its answer was lost ...
    if (!isGone(error)) throw error;
    if (await isThere(settings, key, facts.bytes)) return;
    // ... or somebody removed it.
    await sendParts(settings, key, facts, signal);
  }
}

function isGone(error: unknown): boolean {
  const { cause } = error as Error; // what the store answered, under the sentence that explains it
  return cause !== undefined && nameOf(cause) === 'NoSuchUpload';
}

/** No other content is ever given the key, so that an object of that length is the one. */
async function isThere({ client, bucket, attempt }: UploadSettings, key: string, bytes: number): Promise<boolean> {
  const found = await attempt(key, async () => {
    try {
      return await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    } catch (error) {
      if (['NotFound', 'NoSuchKey'].includes(nameOf(error))) return undefined;
      throw error;
    }
  });
  return found?.ContentLength === bytes;
}

async function sendParts(
  settings: UploadSettings,
  key: string,
  { file, path, bytes, sha256 }: FileFacts & { file: FileHandle; path: string },
  signal?: AbortSignal,
): Promise<void> {
  const { client, bucket, attempt, concurrency } = settings;
  const send = { ...(signal && { abortSignal: signal }) };
  const isTooMany = bytes > mostParts * settings.partBytes;
  const partBytes = isTooMany ? Math.ceil(bytes / mostParts / mebibyte) * mebibyte : settings.partBytes;
  const { uploadId, known } = await findOrBegin(settings, key);
  const upload = { Bucket: bucket, Key: key, UploadId: uploadId };
  const content = createHash('sha256');
  const done: { PartNumber: number; ETag: string | undefined }[] = [];
  const onTheirWay = new Set<Promise<void>>();
  let failure: unknown;
  for (let start = 0, number = 1; start < bytes && failure === undefined; start += partBytes, number++) {
    const body = await readExactly(file, path, start, Math.min(partBytes, bytes - start));
    content.update(body);
    const digest = md5(body);
    const there = known.get(number);
    if (there?.Size === body.length && unquoted(there.ETag) === digest.toString('hex')) {
      done.push({ PartNumber: number, ETag: there.ETag });
      continue;
    }
    const command = new UploadPartCommand({
      ...upload,
      PartNumber: number,
      Body: body,
      ContentMD5: digest.toString('base64'),
    });
    const part = attempt(key, () => client.send(command, send), { signal })
      .then(({ ETag }) => void done.push({ PartNumber: number, ETag }))
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => onTheirWay.delete(part));
    onTheirWay.add(part);
    if (onTheirWay.size >= concurrency) await Promise.race(onTheirWay);
  }
  await Promise.all(onTheirWay);
  if (failure !== undefined) throw failure;
  try {
    checkContent(path, sha256, content.digest('hex'));
  } catch (error) {
    await attempt(key, () => client.send(new AbortMultipartUploadCommand(upload))).catch(() => undefined);
    throw error;
  }
  const Parts = done.sort((a, b) => a.PartNumber - b.PartNumber);
  const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } });
  await attempt(key, () => client.send(complete, send), { signal });
}

/** An upload of this key that was broken off, with the parts that arrived; otherwise a new one. */
async function findOrBegin(
  { client, bucket, attempt }: UploadSettings,
  key: string,
): Promise<{ uploadId: string; known: Map<number, Part> }> {
  // Some servers cannot list uploads; then there is nothing to go on from.
  const listed = await attempt(key, () =>
    client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key })),
  ).catch(() => undefined);
  const uploadId = listed?.Uploads?.findLast((upload) => upload.Key === key)?.UploadId;
  if (uploadId !== undefined) {
    const known = new Map<number, Part>();
    for (let marker: string | undefined; ; ) {
      const page = await attempt(key, () =>
        client.send(
          new ListPartsCommand({
            Bucket: bucket,
            Key: key,
            UploadId: uploadId,
            ...(marker === undefined ? {} : { PartNumberMarker: marker }),
          }),
        ),
      );
      for (const part of page.Parts ?? []) known.set(part.PartNumber!, part);
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
      if (marker === undefined) return { uploadId, known };
    }
  }
  const begun = await attempt(key, () => client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key })));
  return { uploadId: begun.UploadId!, known: new Map() };
}

async function readExactly(file: FileHandle, path: string, start: number, length: number): Promise<Uint8Array> {
  const body = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.read(body, filled, length - filled, start + filled);
    if (bytesRead === 0) throw changed(path, `${start + length} bytes`, `${start + filled}`);
    filled += bytesRead;
  }
  return body;
}

function checkContent(path: string, expected: string, got: string): void {
  if (got !== expected) throw changed(path, `content of sha256 ${expected}`, got);
}

function changed(path: string, expected: string, got: string): S3StoreError {
  return new S3StoreError(
    'file-changed',
    `Expected ${path} to keep its content while it is uploaded: ${expected}, got ${got}. Is another process writing to it?`,
  );
}

function md5(bytes: Uint8Array): Buffer {
  return createHash('md5').update(bytes).digest();
}

function unquoted(etag: string | undefined): string | undefined {
  return etag?.replaceAll('"', '');
}
