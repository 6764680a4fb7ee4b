/**
 * An S3-compatible server for tests: `@20minutes/s3rver` from the npm registry, which checks access keys and clocks and stores objects in a folder,
 * behind a small gateway that adds what it lacks and stores of today have: conditional writes (If-None-Match), Content-MD5, listing and
 * aborting multipart uploads, and writes that appear whole (a body is taken in before it is passed on; requests of one key take turns).
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface S3rver {
  run(): Promise<{ address: string; port: number }>;
  close(): Promise<void>;
}

export interface TestS3 {
  endpoint: string;
  /** Where the objects lie: `<directory>/<bucket>/<key>._S3rver_object`. */
  directory: string;
  /** What a client's environment needs. */
  env: Record<string, string>;
  /** Requests so far, by method. */
  requests: Record<string, number>;
  /** Bytes of bodies so far. */
  received: number;
  sent: number;
  close(): Promise<void>;
}

export interface TestS3Options {
  buckets?: readonly string[];
  /** 0 for any that is free. */
  port?: number;
  host?: string;
  /** Default: a temporary folder, removed at the end. */
  directory?: string;
  /** False: a server that ignores If-None-Match, as older ones do. */
  conditions?: boolean;
}

const credentials = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };

/** Whether the server's package is installed; tests that need it are skipped by name where it is not. */
export async function hasTestS3(): Promise<boolean> {
  return loadServer().then(
    () => true,
    () => false,
  );
}

async function loadServer(): Promise<new (options: object) => S3rver> {
  // @ts-expect-error it has no types
  const { default: Server } = (await import('@20minutes/s3rver')) as { default: new (options: object) => S3rver };
  return Server;
}

export async function startTestS3(options: TestS3Options = {}): Promise<TestS3> {
  const { buckets = ['lab'], port = 0, host = '127.0.0.1', conditions = true } = options;
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'test-s3-')));
  const Server = await loadServer();
  const server = new Server({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    // It computes another signature than clients do for some queries; an unknown access key is still refused.
    allowMismatchedSignatures: true,
    directory,
    configureBuckets: buckets.map((name) => ({ name })),
  });
  const behind = await server.run();
  const turns = new Map<string, Promise<void>>();
  const state = { requests: {} as Record<string, number>, received: 0, sent: 0 };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    state.requests[request.method!] = (state.requests[request.method!] ?? 0) + 1;
    state.received += body.length;
    const url = new URL(request.url!, 'http://localhost');
    await inTurn(turns, url.pathname, async () => {
      const given =
        (await refusal(request, url, body, { directory, conditions })) ?? (await multipart(request, url, directory));
      const { status, headers, content } = given ?? (await passOn(request, body, behind.port));
      state.sent += content.length;
      response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : content);
    });
  };
  const gateway = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => gateway.listen(port, host, resolve));
  return Object.assign(state, {
    endpoint: `http://${host}:${(gateway.address() as AddressInfo).port}`,
    directory,
    env: { ...credentials, AWS_REGION: 'us-east-1' },
    async close() {
      gateway.closeAllConnections();
      await new Promise((resolve) => gateway.close(resolve));
      await server.close();
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  });
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  content: Uint8Array;
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function inTurn(turns: Map<string, Promise<void>>, key: string, action: () => Promise<void>): Promise<void> {
  const before = turns.get(key) ?? Promise.resolve();
  const mine = before.then(action, action);
  const settled = mine.catch(() => undefined);
  turns.set(key, settled);
  await mine.finally(() => {
    if (turns.get(key) === settled) turns.delete(key);
  });
}

/** What the server behind does not check. */
async function refusal(
  { method, headers }: IncomingMessage,
  url: URL,
  body: Buffer,
  { directory, conditions }: { directory: string; conditions: boolean },
): Promise<Answer | undefined> {
  if (method !== 'PUT') return undefined;
  const md5 = headers['content-md5'];
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64'))
    return xmlError(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  if (conditions && headers['if-none-match'] === '*' && existsSync(objectFile(directory, url)))
    return xmlError(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  return undefined;
}

function objectFile(directory: string, url: URL): string {
  return `${join(directory, decodeURIComponent(url.pathname))}._S3rver_object`;
}

/** Listing of uploads and of parts, the end of an upload that is given up, and of one that is there no longer. */
async function multipart({ method }: IncomingMessage, url: URL, directory: string): Promise<Answer | undefined> {
  const [bucket = ''] = url.pathname.slice(1).split('/');
  const uploads = join(directory, bucket, '._S3rver_uploads');
  const uploadId = url.searchParams.get('uploadId');
  if (method === 'POST' && uploadId !== null && !existsSync(join(uploads, uploadId)))
    return xmlError(404, 'NoSuchUpload', 'The specified upload does not exist.');
  if (method === 'DELETE' && uploadId !== null) {
    await rm(join(uploads, uploadId), { recursive: true, force: true });
    return { status: 204, headers: {}, content: new Uint8Array() };
  }
  if (method === 'GET' && uploadId !== null) {
    const names = await readdir(join(uploads, uploadId)).catch(() => undefined);
    if (!names) return xmlError(404, 'NoSuchUpload', 'The specified upload does not exist.');
    const numbers = names.filter((name) => names.includes(`${name}.md5`)).sort((a, b) => Number(a) - Number(b));
    const parts = numbers.map(async (number) => {
      const path = join(uploads, uploadId, number);
      const [{ size }, md5] = await Promise.all([stat(path), readFile(`${path}.md5`, 'utf8')]);
      return `<Part><PartNumber>${number}</PartNumber><ETag>"${md5}"</ETag><Size>${size}</Size></Part>`;
    });
    return xml(
      `<ListPartsResult><IsTruncated>false</IsTruncated>${(await Promise.all(parts)).join('')}</ListPartsResult>`,
    );
  }
  if (method === 'GET' && url.searchParams.has('uploads')) {
    const prefix = url.searchParams.get('prefix') ?? '';
    const ids = await readdir(uploads).catch(() => []);
    const found = await Promise.all(
      ids.map(async (id) => ({ id, key: await readFile(join(uploads, id, 'key'), 'utf8').catch(() => '') })),
    );
    const rows = found
      .filter(({ key }) => key !== '' && key.startsWith(prefix))
      .map(({ id, key }) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`);
    return xml(
      `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${rows.join('')}</ListMultipartUploadsResult>`,
    );
  }
  return undefined;
}

function passOn(request: IncomingMessage, body: Buffer, port: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method, url, headers } = request;
    const onwards = httpRequest({ port, host: '127.0.0.1', method, path: url, headers, agent: false }, (response) => {
      bodyOf(response).then((content) => {
        const { 'transfer-encoding': _, connection: __, ...rest } = response.headers;
        const length = method === 'HEAD' ? rest['content-length'] : String(content.length);
        resolve({ status: response.statusCode!, headers: { ...rest, 'content-length': length }, content });
      }, reject);
    });
    onwards.on('error', reject);
    onwards.end(body);
  });
}

export function xmlError(status: number, code: string, message: string): Answer {
  return { ...xml(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`), status };
}

function xml(text: string): Answer {
  const content = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
  return { status: 200, headers: { 'content-type': 'application/xml' }, content };
}
