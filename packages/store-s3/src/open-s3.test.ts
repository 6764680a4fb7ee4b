import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openS3, type S3Options } from './index.ts';
import { type FaultProxy, startFaultProxy } from './testing/fault-proxy.ts';
import { hasTestS3, startTestS3, type TestS3 } from './testing/s3-server.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const factsOf = (bytes: Uint8Array) => ({
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

const isThere = await hasTestS3();
if (!isThere) it.skip('S3: the package @20minutes/s3rver is not installed', () => {});

it.each(['5m', '', '-1', 'NaN'])('refuses %j as seconds of patience, which would have no end', async (seconds) => {
  vi.stubEnv('STAGED_VLM_S3_PATIENCE_SECONDS', seconds);
  try {
    await expect(openS3('s3://lab/x', { endpoint: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining(
        `STAGED_VLM_S3_PATIENCE_SECONDS to be a number of seconds, 0 or more, got "${seconds}"`,
      ),
    });
  } finally {
    vi.unstubAllEnvs();
  }
});

describe.runIf(isThere)('openS3, against a server that speaks S3', () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let folder: string;
  let prefixes = 0;
  beforeAll(async () => {
    s3 = await startTestS3();
    proxy = await startFaultProxy({ target: s3.endpoint });
    folder = await mkdtemp(join(tmpdir(), 'store-s3-'));
    for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy.close();
    await s3.close();
    await rm(folder, { recursive: true });
  });
  const open = (options: S3Options = {}, location = `s3://lab/${++prefixes}/p`) =>
    openS3(location, { endpoint: proxy.endpoint, partBytes: 100_000, patienceSeconds: 5, ...options });
  const fileOf = async (bytes: Uint8Array, name = 'source'): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const failing = async (faults: Partial<FaultProxy['faults']>, action: () => Promise<void>): Promise<void> => {
    const before = { ...proxy.faults };
    Object.assign(proxy.faults, faults);
    try {
      await action();
    } finally {
      Object.assign(proxy.faults, { only: undefined }, before);
    }
  };

  it('reads what was written, lists and removes it', async () => {
    const objects = await open();
    expect(await objects.read('a/b.json')).toBeUndefined();
    await objects.write('a/b.json', text('1'));
    await objects.write('a/b.json', text('22'));
    await objects.write('a/c.json', text('3'));
    await objects.write('ab', text('4'));
    expect(await objects.read('a/b.json')).toEqual(text('22'));
    expect(await objects.list('a/')).toEqual(['a/b.json', 'a/c.json']);
    await objects.remove('a/', (key) => key === 'a/c.json');
    expect(await objects.list('')).toEqual(['a/c.json', 'ab']);
  });

  it('lets one of many writers create an object, and says so to that one alone', async () => {
    const objects = await open();
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => objects.create('record', text(`${i}`))));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await objects.read('record')).toEqual(text(`${answers.indexOf(true)}`));
    expect(await objects.create('record', text('late'))).toBe(false);
  });

  it('knows that it was first although the answer was lost', async () => {
    const objects = await open();
    let puts = 0;
    const only = (method: string): boolean => method === 'PUT' && puts++ === 0;
    await failing({ unanswered: 1, only }, async () => {
      expect(await objects.create('record', text('ours'))).toBe(true);
    });
    expect(await objects.read('record')).toEqual(text('ours'));
  });

  it.each([0, 1, 99_999, 100_000, 100_001, 350_000])('brings back a file of %i bytes', async (length) => {
    const objects = await open();
    const bytes = randomBytes(length);
    await objects.upload('file', await fileOf(bytes), factsOf(bytes));
    const target = join(folder, 'deep/er', `got-${length}`);
    await objects.download('file', target, factsOf(bytes));
    expect(Buffer.compare(await readFile(target), bytes)).toBe(0);
  });

  it('uploads the announced beginning of a file that grows', async () => {
    const objects = await open();
    const bytes = randomBytes(250_000);
    await objects.upload('file', await fileOf(bytes), factsOf(bytes.subarray(0, 120_000)));
    await objects.download('file', join(folder, 'begin'), factsOf(bytes.subarray(0, 120_000)));
    expect((await readFile(join(folder, 'begin'))).length).toBe(120_000);
  });

  it.each([50_000, 250_000])('refuses a file of %i bytes whose content changed', async (length) => {
    const objects = await open();
    const bytes = randomBytes(length);
    const facts = factsOf(bytes);
    bytes[length - 1]! ^= 1;
    const path = await fileOf(bytes);
    await expect(objects.upload('file', path, facts)).rejects.toMatchObject({
      code: 'file-changed',
      message: expect.stringContaining(path),
    });
    expect(await objects.list('')).toEqual([]);
    await expect(objects.upload('file', path, { ...facts, bytes: length + 1 })).rejects.toThrow(/keep its content/);
  });

  it('goes on with a large upload that was broken off, part by part', async () => {
    const bytes = randomBytes(1_000_000);
    const path = await fileOf(bytes);
    const location = `s3://lab/${++prefixes}`;
    let parts = 0;
    const sent = (method: string, url: string): boolean =>
      method === 'PUT' && url.includes('partNumber') && ++parts > 6;
    const first = await open({ patienceSeconds: 0, concurrency: 1 }, location);
    await failing({ refused: 1, only: sent }, async () => {
      await expect(first.upload('file', path, factsOf(bytes))).rejects.toMatchObject({ code: 'unreachable' });
    });
    expect(parts).toBe(7);
    const second = await open({}, location);
    parts = 0;
    await failing({ only: sent }, async () => {
      await second.upload('file', path, factsOf(bytes));
    });
    expect(parts).toBe(4);
    await second.download('file', join(folder, 'resumed'), factsOf(bytes));
  });

  it('knows that a large upload is done although the last answer was lost', async () => {
    const objects = await open();
    const bytes = randomBytes(350_000);
    const parts: string[] = [];
    let ends = 0;
    const only = (method: string, url: string): boolean => {
      if (method === 'PUT') parts.push(url);
      return method === 'POST' && url.includes('uploadId=') && ends++ === 0;
    };
    await failing({ unanswered: 1, only }, async () => {
      await objects.upload('file', await fileOf(bytes), factsOf(bytes));
    });
    expect([ends, parts.length]).toEqual([2, 4]);
    await objects.download('file', join(folder, 'lost-answer'), factsOf(bytes));
  });

  it('begins a large upload anew that was removed under way, once', async () => {
    const bytes = randomBytes(350_000);
    const path = await fileOf(bytes);
    const removed = async (times: number): Promise<void> => {
      let ends = 0;
      const only = (method: string, url: string): boolean => {
        if (method === 'POST' && url.includes('uploadId=') && ends++ < times)
          rmSync(join(s3.directory, 'lab', '._S3rver_uploads'), { recursive: true });
        return false;
      };
      const objects = await open();
      await failing({ only }, () => objects.upload('file', path, factsOf(bytes)));
      expect(await objects.list('')).toEqual(['file']);
    };
    await removed(1);
    await expect(removed(2)).rejects.toMatchObject({
      code: 'object-missing',
      message: expect.stringMatching(/was removed while it was under way/),
    });
  });

  it('ends a pause between two tries as soon as it is stopped, with the reason', async () => {
    const stop = new AbortController();
    const reason = new Error('the claim is lost');
    const objects = await open({ patienceSeconds: 60, onRetry: () => stop.abort(reason) });
    const bytes = text('x');
    const path = await fileOf(bytes);
    await failing({ refused: 1, only: (method) => method === 'PUT' }, async () => {
      await expect(objects.upload('file', path, factsOf(bytes), stop.signal)).rejects.toBe(reason);
    });
  });

  it('removes uploads that nobody will finish', async () => {
    const objects = await open({ patienceSeconds: 0, concurrency: 1 });
    const bytes = randomBytes(300_000);
    let parts = 0;
    const only = (method: string, url: string): boolean =>
      method === 'PUT' && url.includes('partNumber') && ++parts > 1;
    const path = await fileOf(bytes);
    await failing({ refused: 1, only }, async () => {
      await expect(objects.upload('file', path, factsOf(bytes))).rejects.toThrow();
    });
    const uploads = (): Promise<string[]> => readdir(join(s3.directory, 'lab/._S3rver_uploads'));
    const before = (await uploads()).length;
    await objects.remove('');
    expect((await uploads()).length).toBe(before - 1);
  });

  it('survives one request in ten that fails, each in its own way', async () => {
    const retries: unknown[] = [];
    const objects = await open({ onRetry: (error) => retries.push(error), patienceSeconds: 30 });
    const made = { ...proxy.made };
    await failing({ refused: 0.04, unanswered: 0.03, cut: 0.03 }, async () => {
      for (let i = 0; i < 12; i++) {
        const bytes = randomBytes(50_000 * i + i);
        await objects.upload(`file-${i}`, await fileOf(bytes), factsOf(bytes));
        expect(await objects.create(`record-${i}`, text(`${i}`))).toBe(true);
        await objects.download(`file-${i}`, join(folder, `got-${i}`), factsOf(bytes));
        expect(await objects.read(`record-${i}`)).toEqual(text(`${i}`));
      }
    });
    for (const fault of ['refused', 'unanswered', 'cut'] as const)
      expect(proxy.made[fault]).toBeGreaterThan(made[fault]);
    expect(retries.length).toBeGreaterThan(5);
  });

  it('downloads again what came damaged, and gives up on what is', async () => {
    const objects = await open();
    const bytes = randomBytes(150_000);
    await objects.upload('file', await fileOf(bytes), factsOf(bytes));
    let downloads = 0;
    const once = (method: string, url: string): boolean => method === 'GET' && url.includes('file') && downloads++ < 1;
    await failing({ flipped: 1, only: once }, () => objects.download('file', join(folder, 'good'), factsOf(bytes)));
    expect(Buffer.compare(await readFile(join(folder, 'good')), bytes)).toBe(0);
    await failing({ flipped: 1 }, async () => {
      await expect(objects.download('file', join(folder, 'bad'), factsOf(bytes))).rejects.toMatchObject({
        code: 'object-damaged',
        message: expect.stringMatching(/sha256 [0-9a-f]{64} in s3:\/\/lab\/.*file.*delete/),
      });
    });
    expect((await readdir(folder)).filter((name) => name.startsWith('bad'))).toEqual([]);
  });

  describe('says what is wrong and what to do', () => {
    it('an address that is none', async () => {
      for (const location of ['s3://', 's3://UPPER/x', 's3://lab/../x', 's3://a b/c', 's3://user:secret@lab/x'])
        await expect(open({}, location)).rejects.toMatchObject({ code: 'bad-location' });
      await expect(open({}, 's3://user:secret@lab/x')).rejects.not.toThrow(/secret/);
    });

    it('a bucket that is not there', () =>
      expect(open({}, 's3://nowhere/x')).rejects.toMatchObject({
        code: 'no-bucket',
        message: expect.stringMatching(/bucket nowhere at http:.*Make the bucket/),
      }));

    it('credentials that are not known, and none at all, without printing any', async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'UNKNOWN').stubEnv('AWS_SECRET_ACCESS_KEY', 'hunter2hunter2');
      const denied = await open().catch((error: unknown) => error as Error);
      expect(denied).toMatchObject({
        code: 'access-denied',
        message: expect.stringMatching(/denied \(status 403, Invalid.*ListBucket/),
      });
      expect(inspect(denied, { depth: 20, showHidden: true })).not.toMatch(/hunter2|Signature=|Credential=/);
      vi.stubEnv('AWS_ACCESS_KEY_ID', undefined).stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent').stubEnv('AWS_CONFIG_FILE', '/nonexistent');
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
      await expect(open()).rejects.toMatchObject({
        code: 'no-credentials',
        message: expect.stringContaining('AWS_ACCESS_KEY_ID'),
      });
      for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value);
    });

    it('a server that does not answer', async () => {
      await expect(open({ endpoint: 'http://127.0.0.1:9', patienceSeconds: 0 })).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(/127\.0\.0\.1:9.*AWS_ENDPOINT_URL/),
      });
    }, 30_000);

    it('an object that has vanished', async () => {
      const objects = await open();
      await expect(objects.download('gone', join(folder, 'gone'), factsOf(text('x')))).rejects.toMatchObject({
        code: 'object-missing',
        message: expect.stringMatching(/s3:\/\/lab\/.*gone.*deleted/),
      });
    });

    it('a server that ignores conditions', async () => {
      const old = await startTestS3({ conditions: false });
      try {
        const objects = await open({ endpoint: old.endpoint });
        await objects.write('store.json', text('{}'));
        await expect(objects.checkConditions('store.json', text('{}'))).rejects.toMatchObject({
          code: 'no-conditions',
        });
        expect(await objects.read('store.json')).toEqual(text('{}'));
        const good = await open();
        await good.write('store.json', text('{}'));
        await good.checkConditions('store.json', text('{}'));
      } finally {
        await old.close();
      }
    });

    it.each([
      [
        301,
        'PermanentRedirect',
        { 'x-amz-bucket-region': 'eu-north-1' },
        'wrong-region',
        /in eu-north-1\. Set AWS_REGION=eu-north-1/,
      ],
      [400, 'AuthorizationHeaderMalformed', {}, 'wrong-region', /Set AWS_REGION to the region/],
      [403, 'RequestTimeTooSkewed', {}, 'clock-skew', /clock of this machine \(20.*NTP/],
      [403, 'AccessDenied', {}, 'access-denied', /denied \(status 403, AccessDenied\)/],
      [418, 'Teapot', {}, 'refused', /status 418, Teapot: short and stout/],
    ] as const)('the answer %i %s', async (status, code, headers, expected, message) => {
      const server = createServer((_, response) => {
        response.writeHead(status, { 'content-type': 'application/xml', ...headers });
        response.end(`<Error><Code>${code}</Code><Message>short and stout</Message></Error>`);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        await expect(open({ endpoint })).rejects.toMatchObject({
          code: expected,
          message: expect.stringMatching(message),
        });
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });
  });

  it('goes on with a clock that is off, corrected by what the server says', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    try {
      const objects = await open();
      await objects.write('a', text('1'));
      expect(await objects.read('a')).toEqual(text('1'));
    } finally {
      vi.useRealTimers();
    }
  });
});
