import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type HttpSourceOptions, httpSource, type Retry, readShards, sourceByScheme } from './index.ts';
import { readAll } from './testing/read-all.ts';
import { tarOf } from './testing/tar-bytes.ts';

const shard = tarOf(...Array.from({ length: 60 }, (_, i) => [`${i}.txt`, `text ${i} `.repeat(300)] as const));
const quick: HttpSourceOptions = { delayMs: 1, maxDelayMs: 20, timeoutMs: 2000 };

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What a good server does. */
function deliver(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array = shard,
  until = bytes.length,
): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = Number(range?.[1] ?? 0);
  const end = Math.min(bytes.length, range?.[2] ? Number(range[2]) + 1 : bytes.length);
  if (from >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  response.writeHead(range === null ? 200 : 206, {
    etag: '"1"',
    'content-length': end - from,
    ...(range && { 'content-range': `bytes ${from}-${end - 1}/${bytes.length}` }),
  });
  const stop = Math.min(end, until);
  response.write(bytes.subarray(from, Math.max(from, stop)), () => (stop < end ? response.destroy() : response.end()));
}

const keys = Array.from({ length: 60 }, (_, i) => String(i));
async function readKeys(address: string, options: HttpSourceOptions = quick): Promise<string[]> {
  const read: string[] = [];
  for await (const { key } of readShards(address, { source: httpSource(options) })) read.push(key);
  return read;
}

describe('httpSource', () => {
  it('reads shards, and goes on at the byte', async () => {
    const ranges: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      ranges.push(request.headers.range);
      deliver(request, response);
    });
    const reader = readShards(`${base}/s.tar`); // the default source
    await reader.next();
    const state = reader.state();
    await reader.return();
    expect(await readAll(readShards(`${base}/s.tar`, { state }))).toHaveLength(59);
    expect(ranges).toEqual([undefined, 'bytes=0-9', `bytes=${state.offset}-`]);
  });

  it('resumes where connections are cut, as often as they are, and tells of it', async () => {
    let until = 0;
    const base = await serve((request, response) => {
      until += 9001;
      deliver(request, response, shard, until);
    });
    const retries: Retry[] = [];
    expect(await readKeys(base, { ...quick, retries: 1, onRetry: (retry) => retries.push(retry) })).toEqual(keys);
    expect(retries.length).toBeGreaterThan(5);
    expect(retries[0]).toMatchObject({ shard: base, attempt: 1, offset: 9001 });
    expect(retries.every(({ delayMs }) => delayMs > 0 && delayMs <= 20)).toBe(true);
  });

  it('passes over what it has where the server ignores ranges', async () => {
    let asked = 0;
    const base = await serve((_, response) => {
      asked++;
      response.writeHead(200, { 'content-length': shard.length });
      const until = Math.min(shard.length, asked * 40_000);
      response.write(shard.subarray(0, until), () => (until < shard.length ? response.destroy() : response.end()));
    });
    expect(await readKeys(base)).toEqual(keys);
    expect(asked).toBe(Math.ceil(shard.length / 40_000));
  });

  it('waits out 503 and 429, as long as the server asks', async () => {
    const answers = [503, 429, 500, 502, 504, 408];
    const base = await serve((request, response) => {
      const status = answers.shift();
      if (status === undefined) deliver(request, response);
      else response.writeHead(status, status === 429 ? { 'retry-after': '3600' } : {}).end();
    });
    const waits: number[] = [];
    expect(await readKeys(base, { ...quick, retries: 6, onRetry: ({ delayMs }) => waits.push(delayMs) })).toEqual(keys);
    expect(waits).toHaveLength(6);
    expect(waits[1]).toBe(20); // no longer than maxDelayMs
  });

  it('gives up after so many tries without a new byte, naming the status', async () => {
    let asked = 0;
    const base = await serve((_, response) => {
      asked++;
      response.writeHead(503).end();
    });
    await expect(readKeys(base, { ...quick, retries: 3 })).rejects.toMatchObject({
      code: 'unreadable',
      shard: base,
      message: expect.stringMatching(/503 Service Unavailable \(tried 4 times\)/),
    });
    expect(asked).toBe(4);
  });

  it('does not try again what cannot help', async () => {
    let asked = 0;
    const base = await serve((request, response) => {
      asked++;
      response.writeHead(request.url === '/secret' ? 403 : 404).end();
    });
    await expect(readKeys(`${base}/none`)).rejects.toThrow(/404 Not Found; is the address right/);
    await expect(readKeys(`${base}/secret`)).rejects.toThrow(/403 Forbidden; give httpSource the headers/);
    expect(asked).toBe(2);
  });

  it('notices an answer of a wrong length: shorter is resumed, in chunks it is a cut shard', async () => {
    let cut = true;
    const base = await serve((request, response) => {
      if (request.url === '/chunks') {
        response.write(shard.subarray(0, 5000)); // no length: the end looks like one
        response.end();
      } else if (cut) {
        cut = false;
        response.writeHead(200, { 'content-length': shard.length });
        response.write(shard.subarray(0, 5000), () => response.socket!.end());
      } else deliver(request, response);
    });
    expect(await readKeys(`${base}/length`)).toEqual(keys);
    await expect(readKeys(`${base}/chunks`)).rejects.toMatchObject({ code: 'truncated' });
  });

  it('notices a range that is not the one it asked for, and a shard that changed', async () => {
    let asked = 0;
    const base = await serve((request, response) => {
      asked++;
      if (request.headers.range === undefined) deliver(request, response, shard, 5000);
      else if (request.url === '/range')
        response.writeHead(206, { 'content-range': `bytes 0-9/${shard.length}` }).end(shard.subarray(0, 10));
      else
        response
          .writeHead(206, { etag: '"2"', 'content-range': `bytes 5000-5009/${shard.length}` })
          .end(shard.subarray(0, 10));
    });
    await expect(readKeys(`${base}/range`)).rejects.toThrow(
      /expected bytes from 5000 on, got content-range "bytes 0-9/,
    );
    await expect(readKeys(`${base}/changed`)).rejects.toThrow(/changed while it was read/);
    expect(asked).toBe(4);
  });

  it('follows redirects, keeps its headers from other servers, and stops in a circle', async () => {
    const seen: (string | undefined)[] = [];
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization);
      deliver(request, response);
    });
    const base = await serve((request, response) => {
      seen.push(request.headers.authorization);
      const location =
        request.url === '/a'
          ? '/b'
          : request.url === '/b'
            ? `${other}/c`
            : request.url === '/file'
              ? 'file:///etc/passwd'
              : request.url!;
      response.writeHead(302, { location }).end();
    });
    expect(await readKeys(`${base}/a`, { ...quick, headers: { authorization: 'Bearer secret' } })).toEqual(keys);
    expect(seen).toEqual(['Bearer secret', 'Bearer secret', undefined]);
    await expect(readKeys(`${base}/circle`)).rejects.toThrow(/at most 5 redirects/);
    await expect(readKeys(`${base}/file`)).rejects.toThrow(/redirected to file:/);
  });

  it('counts silence as a broken connection', async () => {
    let asked = 0;
    const base = await serve((request, response) => {
      asked++;
      if (asked === 1) response.writeHead(200, { 'content-length': shard.length }).write(shard.subarray(0, 3000));
      else deliver(request, response);
    });
    expect(await readKeys(base, { ...quick, timeoutMs: 60 })).toEqual(keys);
    expect(asked).toBe(2);
  });

  it('takes stored bytes as they are, whatever the server calls their encoding', async () => {
    const zipped = gzipSync(shard);
    const base = await serve((request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped);
    });
    expect(await readKeys(base)).toEqual(keys);
  });

  it('names a server that is not there', async () => {
    await expect(readKeys('http://127.0.0.1:1/s.tar', { ...quick, retries: 1 })).rejects.toThrow(
      /ECONNREFUSED.*tried 2 times/,
    );
  });

  it('frees its connection when the caller stops early', async () => {
    let closed: () => void;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const base = await serve((_, response) => {
      response.on('close', () => closed());
      response.writeHead(200, { 'content-length': 1e9 }).write(shard.subarray(0, -1024));
    });
    for await (const _ of readShards(base)) break;
    await gone;
  });

  it('frees the connection of an answer that it does not read, because the shard changed', async () => {
    let closed: () => void;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const base = await serve((request, response) => {
      if (request.headers.range === undefined) return deliver(request, response, shard, 5000);
      response.on('close', () => closed());
      response.writeHead(206, { etag: '"2"', 'content-range': `bytes 5000-${1e9 - 1}/${1e9}` }).write(shard);
    });
    await expect(readKeys(base, { ...quick, timeoutMs: 100_000 })).rejects.toThrow(/changed while it was read/);
    await gone;
  });

  it('refuses options that make no sense', () => {
    expect(() => httpSource({ retries: -1 })).toThrow(/retries/);
    expect(() => httpSource({ timeoutMs: Number.NaN })).toThrow(/timeoutMs/);
    expect(() => httpSource({ header: {} } as never)).toThrow(
      /httpSource: unknown option "header"; expected headers, timeoutMs, maxRedirects, retries/,
    );
  });
});

describe('sourceByScheme', () => {
  it.each([
    ['s3://bucket/a.tar', /s3Source from "webdataset-ts\/s3"/],
    ['pipe:cat a.tar', /runs a command.*pipeSource\(\)/],
    ['gs://bucket/a.tar', /speaks S3/],
    ['ftp://host/a.tar', /ByteSource of your own/],
    ['constructor:x', /no source for "constructor:"/],
  ])('%s is refused with what to do', async (address, message) => {
    await expect(readShards(address).next()).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(message),
    });
  });

  it('takes sources of further schemes', async () => {
    const mine = {
      async *open() {
        yield shard;
      },
    };
    expect(await readAll(readShards('mine://x', { source: sourceByScheme({ mine }) }))).toHaveLength(60);
  });
});
