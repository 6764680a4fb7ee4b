import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@vlm/study';
import { contractStudy, tracedRunner } from '@vlm/study/executor-contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bullmqExecutor } from './bullmq-executor.ts';
import { connectRedis, parseRedisLocation, reachRedis, redisText } from './connection.ts';
import { hasRedisServer, startRedis, type TestRedis } from './testing/redis-server.ts';
import { startWorker, type WorkerEvent } from './worker.ts';

describe('parseRedisLocation', () => {
  it.each([
    ['redis://host', { host: 'host', port: 6379, db: 0, tls: false }],
    ['rediss://cache.example:7000/2', { host: 'cache.example', port: 7000, db: 2, tls: true }],
    ['redis://[::1]:6380', { host: '::1', port: 6380, db: 0, tls: false }],
  ])('reads %s', (text, location) => {
    expect(parseRedisLocation(text)).toEqual(location);
  });

  it.each(['host:6379', 'http://host', 'redis://host/two', 'redis://', ''])('refuses %s', (text) => {
    expect(() => parseRedisLocation(text)).toThrow(/Expected a Redis location like redis:\/\/host:6379/);
  });

  it('refuses user and password, names the variables for them and repeats neither', () => {
    expect(() => parseRedisLocation('rediss://ann:hunter2@host')).toThrow(
      expect.objectContaining({
        code: 'bad-location',
        message: expect.stringMatching(/^(?!.*(ann|hunter2)).*STAGED_VLM_REDIS_USER.*STAGED_VLM_REDIS_PASSWORD/s),
      }),
    );
  });
});

if (!hasRedisServer) it.skip('TLS and users need redis-server on the PATH (Debian: apt-get install redis-server)');

describe.skipIf(!hasRedisServer)('a Redis with TLS and users', { timeout: 60_000 }, () => {
  const secret = 'correct-horse-battery-staple';
  let keys: string;
  let server: TestRedis;
  let environment: NodeJS.ProcessEnv;
  beforeAll(async () => {
    keys = await mkdtemp(join(tmpdir(), 'tls-'));
    makeCertificate(keys);
    server = await startRedis((_, port) => [
      ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', join(keys, 'cert.pem'), '--tls-key-file', join(keys, 'key.pem')],
      ...['--tls-ca-cert-file', join(keys, 'cert.pem'), '--appendonly', 'yes'],
      // As docs/cluster.md says: nobody without a name, and a worker may do what BullMQ needs under its own keys.
      ...['--user', 'default', 'off'],
      ...['--user', 'worker', 'on', `>${secret}`, '~staged-vlm:*', '&*', '+@all', '-@admin', '-@dangerous', '+info'],
    ]);
    environment = {
      STAGED_VLM_REDIS_USER: 'worker',
      STAGED_VLM_REDIS_PASSWORD: secret,
      STAGED_VLM_REDIS_CA: join(keys, 'cert.pem'),
    };
  });
  afterAll(async () => {
    await server?.stop();
    await rm(keys, { recursive: true, force: true });
  });
  const location = (scheme = 'rediss') => parseRedisLocation(`${scheme}://localhost:${server.port}`);
  const failure = (scheme: string, changes: NodeJS.ProcessEnv): Promise<Error> =>
    reachRedis(location(scheme), undefined, { ...environment, ...changes }).then(
      () => new Error('It was answered.'),
      (error: Error) => error,
    );

  it('runs a study, and the secret is nowhere: not in Redis, the store, the events or the command line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secret-'));
    const store = await openStore(join(folder, 'store'));
    const redis = connectRedis(location(), 'wait', environment);
    const events: WorkerEvent[] = [];
    const worker = await startWorker({
      redis,
      store,
      runner: tracedRunner(store, folder),
      labels: { any: 2 },
      onEvent: (event) => events.push(event),
    });
    const executor = bullmqExecutor({ redis, store, reconcileMs: 200 });
    const records = await executor.run(contractStudy, { estimate: () => 1 });
    expect(records.size).toBe(contractStudy.phases.length);
    await worker.close();
    await executor.close();
    redis.disconnect();
    const written = await allFiles(server.folder);
    expect(written.join('\n')).toContain(contractStudy.phases[0]!.hash);
    for (const text of [...written, ...(await allFiles(folder)), JSON.stringify(events), process.argv.join(' ')]) {
      expect(text).not.toContain(secret);
    }
    await rm(folder, { recursive: true });
  });

  it('says what to set when the password is wrong, without repeating it', async () => {
    const { message } = await failure('rediss', { STAGED_VLM_REDIS_PASSWORD: 'wrong-guess' });
    expect(message).toMatch(/refused this user: WRONGPASS.*Set STAGED_VLM_REDIS_USER/s);
    expect(message).not.toContain('wrong-guess');
  });

  it('refuses a certificate that nobody vouches for', async () => {
    const { message } = await failure('rediss', { STAGED_VLM_REDIS_CA: '' });
    expect(message).toMatch(/self.signed certificate.*STAGED_VLM_REDIS_CA/is);
  });

  it('does not talk without TLS to a server that wants it', async () => {
    expect((await failure('redis', {})).message).toContain(`Redis at ${redisText(location('redis'))} cannot be used`);
  });

  it('keeps a worker away from the keys of others', async () => {
    const redis = connectRedis(location(), 'fail', environment);
    await expect(redis.set('other:key', '1')).rejects.toThrow(/NOPERM|no permissions/i);
    await expect(redis.flushall()).rejects.toThrow(/NOPERM|no permissions/i);
    redis.disconnect();
  });
});

describe.skipIf(!hasRedisServer)('reachRedis', { timeout: 60_000 }, () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await startRedis((folder) => ['--requirepass', 'right', '--dir', folder]);
  });
  afterAll(() => server?.stop());
  const right = { STAGED_VLM_REDIS_PASSWORD: 'right' };
  const location = () => parseRedisLocation(`redis://127.0.0.1:${server.port}`);
  const told: string[] = [];
  const wait = { onAway: ({ message }: Error) => void told.push(message), retryMs: 50 };

  it('waits for a Redis that is away, and tells again and again where it looks', async () => {
    await server.kill();
    await expect(reachRedis(location(), undefined, right)).rejects.toMatchObject({ code: 'queue-unreachable' });
    const reached = reachRedis(location(), wait, right);
    await expect.poll(() => told.length, { timeout: 20_000 }).toBeGreaterThan(1);
    await server.start();
    await reached;
    expect(told[0]).toMatch(new RegExp(`redis://127.0.0.1:${server.port} cannot be used: ECONNREFUSED`));
  });

  it('does not wait for what waiting does not mend', async () => {
    const before = told.length;
    await expect(reachRedis(location(), wait, {})).rejects.toThrow(/refused this user/);
    expect(told.length).toBe(before);
  });

  it('stops waiting when it is told to', async () => {
    await server.kill();
    const abort = new AbortController();
    const waiting = reachRedis(location(), { ...wait, onAway: () => abort.abort(), signal: abort.signal }, right);
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    await server.start();
  });
});

function makeCertificate(folder: string): void {
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  execFileSync('openssl', [...request, ...files, '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
}

async function allFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const texts: string[] = [];
  for (const name of names) {
    if ((await stat(join(folder, name))).isFile()) texts.push((await readFile(join(folder, name))).toString('latin1'));
  }
  return texts;
}
