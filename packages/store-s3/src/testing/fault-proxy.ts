/** An HTTP proxy that fails on purpose, for tests: before a request arrives, after it has been done, or in the middle of the answer. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { xmlError } from './s3-server.ts';

/** Shares of requests, 0 to 1, that meet each fault; they may be changed while the proxy runs. */
export interface Faults {
  /** Answered with 503 and not passed on. */
  refused: number;
  /** Passed on, and the connection cut before the answer: the client cannot know whether it was done. */
  unanswered: number;
  /** The connection cut in the middle of the answer's body. */
  cut: number;
  /** One byte of the answer's body changed. */
  flipped: number;
  /** Milliseconds that each request waits. */
  delayMs: number;
  /** No connection is answered at all, as with a pulled cable. */
  isDown: boolean;
  /** Which requests may meet a fault. Default: all. */
  only?: (method: string, path: string) => boolean;
}

export interface FaultProxy {
  endpoint: string;
  faults: Faults;
  /** Requests seen, and faults made of them. */
  seen: number;
  made: Record<'refused' | 'unanswered' | 'cut' | 'flipped', number>;
  close(): Promise<void>;
}

export interface FaultProxyOptions {
  target: string;
  faults?: Partial<Faults>;
  port?: number;
  host?: string;
  seed?: number;
}

export async function startFaultProxy({
  target,
  faults: given,
  port = 0,
  host = '127.0.0.1',
  seed = 1,
}: FaultProxyOptions): Promise<FaultProxy> {
  const random = uniform(seed);
  const faults: Faults = { refused: 0, unanswered: 0, cut: 0, flipped: 0, delayMs: 0, isDown: false, ...given };
  const made = { refused: 0, unanswered: 0, cut: 0, flipped: 0 };
  const proxy = { endpoint: '', faults, made, seen: 0, close };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    proxy.seen++;
    if (faults.isDown) return void request.socket.destroy();
    const fault = chooseFault(faults, request, random());
    if (fault) made[fault]++;
    if (faults.delayMs > 0) await sleep(faults.delayMs);
    if (fault === 'refused') {
      request.resume();
      const { status, headers, content } = xmlError(503, 'SlowDown', 'Please reduce your request rate.');
      return void response.writeHead(status, headers).end(content);
    }
    const { hostname, port: targetPort } = new URL(target);
    const { method, url, headers } = request;
    // The host stays as the client signed it.
    const onwards = httpRequest(
      { hostname, port: targetPort, method, path: url, headers, agent: false },
      (upstream) => {
        if (fault === 'unanswered') {
          upstream.resume();
          upstream.on('end', () => request.socket.destroy());
          return;
        }
        response.writeHead(upstream.statusCode!, upstream.headers);
        if (fault === undefined) return void upstream.pipe(response);
        const chunks: Buffer[] = [];
        upstream.on('data', (chunk: Buffer) => chunks.push(chunk));
        upstream.on('end', () => {
          const content = Buffer.concat(chunks);
          if (fault === 'flipped') {
            if (content.length > 0) content[content.length >> 1]! ^= 1;
            return void response.end(content);
          }
          response.write(content.subarray(0, content.length >> 1), () => request.socket.destroy());
        });
      },
    );
    onwards.on('error', () => request.socket.destroy());
    request.on('error', () => onwards.destroy());
    request.pipe(onwards);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  proxy.endpoint = `http://${host}:${(server.address() as AddressInfo).port}`;
  return proxy;

  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function chooseFault(
  faults: Faults,
  { method, url }: IncomingMessage,
  draw: number,
): keyof FaultProxy['made'] | undefined {
  if (faults.only && !faults.only(method!, url!)) return undefined;
  let upTo = 0;
  for (const fault of ['refused', 'unanswered', 'cut', 'flipped'] as const) {
    upTo += faults[fault];
    if (draw < upTo) return fault;
  }
  return undefined;
}

/** A small generator (mulberry32), so that a failing test fails again. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
