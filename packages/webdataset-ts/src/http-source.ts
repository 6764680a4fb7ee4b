/**
 * Shards over HTTP(S). On node:http rather than fetch, because fetch unpacks what a server declares as `content-encoding: gzip`: offsets of
 * ranges would then count other bytes than those that arrive.
 */
import { Agent as HttpAgent, get as httpGet, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
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

/** How shards are fetched. */
export interface HttpSourceOptions extends RetryOptions {
  /** Sent with every request, and after a redirect only to the same origin. For example `authorization`. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Silence after which a connection counts as broken. Default 30,000. */
  timeoutMs?: number | undefined;
  /** Default 5. */
  maxRedirects?: number | undefined;
}

const httpFields: Record<keyof HttpSourceOptions, true> = {
  headers: true,
  timeoutMs: true,
  maxRedirects: true,
  ...retryFields,
};

const retryableStatus = new Set([408, 425, 429, 500, 502, 503, 504]);
const redirectStatus = new Set([301, 302, 303, 307, 308]);

/**
 * Reads shards from `http:` and `https:` addresses. Connections that break are resumed at the byte by a range request, with waits that double;
 * where the server ignores ranges, the bytes that were read are passed over.
 *
 * @throws WebDatasetError `invalid-argument` for options that make no sense; while reading: `unreadable`, with the status or the cause
 * @example
 * readShards('https://example.org/train-{000..009}.tar', { source: httpSource({ headers: { authorization: `Bearer ${token}` } }) });
 */
export function httpSource(options: HttpSourceOptions = {}): ByteSource {
  checkFields('httpSource', options, httpFields);
  const { headers = {}, timeoutMs = 30_000, maxRedirects = 5 } = options;
  const retry = checkedRetry(options);
  for (const [name, value] of Object.entries({ timeoutMs, maxRedirects })) {
    if (!(value >= 0)) throw new WebDatasetError('invalid-argument', `${name}: expected a number from 0, got ${value}`);
  }
  const agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };

  /** Follows redirects from the shard's own address each time: the addresses they lead to may be good for minutes only. */
  async function ask(shard: string, range: string | undefined): Promise<IncomingMessage> {
    const start = new URL(shard);
    let address = start;
    for (let redirects = 0; ; redirects++) {
      const own = address.origin === start.origin ? headers : {};
      const sent = { 'accept-encoding': 'identity', ...own, ...(range === undefined ? {} : { range }) };
      const protocol = address.protocol as keyof typeof agents;
      const response = await once(address, { headers: sent, agent: agents[protocol], timeout: timeoutMs });
      const status = response.statusCode!;
      const { location } = response.headers;
      if (!redirectStatus.has(status) || location === undefined) return response;
      response.destroy();
      if (redirects === maxRedirects)
        throw new RequestError(`expected at most ${maxRedirects} redirects (maxRedirects), got another one`, {
          retryable: false,
        });
      address = new URL(location, address);
      if (!(address.protocol in agents))
        throw new RequestError(`redirected to ${address.protocol}, which is not HTTP`, { retryable: false });
    }
  }

  async function request(shard: string, at: number, end: number | undefined): Promise<RemoteBody | undefined> {
    const ranged = at > 0 || end !== undefined;
    const range = ranged ? `bytes=${at}-${end === undefined ? '' : end - 1}` : undefined;
    const response = await ask(shard, range);
    const cancel = (): void => void response.destroy();
    const status = response.statusCode!;
    const version = response.headers.etag ?? response.headers['last-modified'];
    const contentRange = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '');
    if (status === 206) {
      if (contentRange === null || Number(contentRange[1]) !== at) {
        response.destroy();
        throw new RequestError(
          `expected bytes from ${at} on, got content-range ${JSON.stringify(response.headers['content-range'])}`,
          { retryable: false },
        );
      }
      const size = contentRange[2] === '*' ? undefined : Number(contentRange[2]);
      return { chunks: bodyOf(response), cancel, start: at, size, version };
    }
    if (status === 200) {
      const length = response.headers['content-length'];
      const size = length === undefined ? undefined : Number(length);
      return { chunks: bodyOf(response), cancel, start: 0, size, version };
    }
    response.destroy();
    if (status === 416) {
      const size = Number(/^bytes \*\/(\d+)$/.exec(response.headers['content-range'] ?? '')?.[1] ?? at);
      if (size === at) return undefined;
      throw new RequestError(`expected more than ${at} bytes, the server has ${size}`, { retryable: false });
    }
    const hint =
      status === 401 || status === 403
        ? '; give httpSource the headers that the server asks for'
        : status === 404
          ? '; is the address right?'
          : '';
    throw new RequestError(`the server answered ${status} ${response.statusMessage}${hint}`, {
      retryable: retryableStatus.has(status),
      retryAfterMs: retryAfterMs(response.headers['retry-after']),
    });
  }

  return {
    open: (shard, offset, { length } = {}) =>
      resumingStream(shard, offset, length, (at, end) => request(shard, at, end), retry),
  };
}

function once(address: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = (address.protocol === 'https:' ? httpsGet : httpGet)(address, options, resolve);
    sent.on('timeout', () => sent.destroy(new Error(`nothing came for ${options.timeout} ms`)));
    sent.on('error', (error) => reject(broken(error)));
  });
}

async function* bodyOf(response: IncomingMessage): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    throw broken(error);
  } finally {
    response.destroy();
  }
}

/** A connection that fails may do better the next time; a name that does not exist, or a bad certificate, will not. */
function broken(error: unknown): RequestError {
  const { code = '', message } = error as { code?: string; message: string };
  const final =
    code === 'ENOTFOUND' || code.startsWith('ERR_TLS') || code.startsWith('CERT_') || /certificate/i.test(message);
  return new RequestError(message || code, { retryable: !final, cause: error });
}

/** Seconds or a date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
