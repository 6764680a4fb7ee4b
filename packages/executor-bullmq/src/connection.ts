import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StudyError } from '@vlm/study';
import { Redis, type RedisOptions } from 'ioredis';

/** Where Redis is. User and password are no part of it: they come from the environment. */
export interface RedisLocation {
  host: string;
  port: number;
  db: number;
  tls: boolean;
}

export const userVariable = 'STAGED_VLM_REDIS_USER';
export const passwordVariable = 'STAGED_VLM_REDIS_PASSWORD';
export const passwordFileVariable = 'STAGED_VLM_REDIS_PASSWORD_FILE';
export const authorityVariable = 'STAGED_VLM_REDIS_CA';

/**
 * Reads `redis://host:6379/0` or `rediss://host:6379/0` (TLS).
 *
 * @throws StudyError `bad-location` for anything else, and for a location with a user or a password in it: command lines are seen by every
 *   user of a machine, and kept in its history
 */
export function parseRedisLocation(text: string): RedisLocation {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw notALocation('something else');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw notALocation(`"${url.protocol}//…"`);
  if (url.username !== '' || url.password !== '') {
    throw new StudyError(
      'bad-location',
      `Expected a Redis location without user and password, got one with. Put them into the environment (${userVariable}, and ${passwordVariable} or ${passwordFileVariable}), where other users and the shell's history do not see them.`,
    );
  }
  const db = Number(url.pathname.replace(/^\//, '') || 0);
  if (!Number.isInteger(db) || db < 0 || url.hostname === '') throw notALocation(`"${text}"`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    db,
    tls: url.protocol === 'rediss:',
  };
}

export function redisText({ host, port, db, tls }: RedisLocation): string {
  return `${tls ? 'rediss' : 'redis'}://${host}:${port}${db === 0 ? '' : `/${db}`}`;
}

/**
 * Connects, with the credentials that the environment names.
 *
 * @param patience `wait`: commands wait while Redis is away, as long as it takes (workers, a running study); `fail`: they fail after some
 *   seconds (commands at a prompt)
 */
export function connectRedis(
  location: RedisLocation,
  patience: 'wait' | 'fail',
  environment: NodeJS.ProcessEnv = process.env,
): Redis {
  const redis = new Redis(redisOptions(location, patience, environment));
  // Without a listener ioredis prints. A command that fails for it says only how often it was tried.
  redis.on('error', (error: Error) => lastProblem.set(redis, error));
  return redis;
}

const lastProblem = new WeakMap<Redis, Error>();
const longestWaitMs = 5000;

function redisOptions(
  { host, port, db, tls }: RedisLocation,
  patience: 'wait' | 'fail',
  environment: NodeJS.ProcessEnv,
): Omit<RedisOptions, 'replyMapping'> {
  const username = environment[userVariable];
  const password = readPassword(environment);
  const authority = environment[authorityVariable];
  return {
    host,
    port,
    db,
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(tls ? { tls: { servername: host, ...(authority ? { ca: readFileSync(authority) } : {}) } } : {}),
    connectTimeout: 10_000,
    // A cut link shows no sign by itself: without these a connection waits for an answer that never comes.
    keepAlive: 10_000,
    socketTimeout: 30_000,
    maxRetriesPerRequest: patience === 'wait' ? null : 2,
    retryStrategy: (times) => Math.min(200 * 2 ** Math.min(times, 6), longestWaitMs),
  };
}

function readPassword(environment: NodeJS.ProcessEnv): string | undefined {
  const file = environment[passwordFileVariable];
  return file ? readFileSync(file, 'utf8').trim() : environment[passwordVariable];
}

export interface WaitOptions {
  /** Told again and again while Redis is away, with what to look at. */
  onAway(error: StudyError): void;
  signal?: AbortSignal;
  /** Between two tries. Default 5000 ms. */
  retryMs?: number;
}

/** What a network says of a machine that is not up, not yet known, or out of reach for now. */
const awayCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'EPIPE'],
  ...['EAI_AGAIN', 'ENOTFOUND'],
]);

/**
 * Asks Redis once, so that a wrong address, user or certificate is told at the start.
 *
 * @param wait keeps trying while Redis is away; what no waiting mends (a refused user, a bad certificate) is an error all the same
 * @throws StudyError `queue-unreachable`, or `interrupted` when the signal fires
 */
export async function reachRedis(
  location: RedisLocation,
  wait?: WaitOptions,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  for (;;) {
    if (wait?.signal?.aborted) throw new StudyError('interrupted', 'Stopped while Redis was away.');
    const probe = connectRedis(location, 'fail', environment);
    try {
      await probe.ping();
      return;
    } catch (error) {
      const explained = explainRedisError(error, location, probe);
      const code = (lastProblem.get(probe) as NodeJS.ErrnoException | undefined)?.code ?? '';
      if (!wait || !StudyError.isInstance(explained) || !awayCodes.has(code)) throw explained;
      wait.onAway(explained);
    } finally {
      probe.disconnect();
    }
    const { retryMs = longestWaitMs, signal } = wait;
    await sleep(retryMs, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

/** Turns what Redis or the way to it said into a sentence with something to do. */
export function explainRedisError(error: unknown, location: RedisLocation, redis: Redis): unknown {
  if (StudyError.isInstance(error)) return error;
  const isTired = /max retries per request/i.test((error as Error).message);
  const { message, code } = ((isTired && lastProblem.get(redis)) || error) as NodeJS.ErrnoException;
  const where = redisText(location);
  const isRefused = /WRONGPASS|NOAUTH|NOPERM/.test(message);
  return new StudyError(
    'queue-unreachable',
    isRefused
      ? `Redis at ${where} refused this user: ${message.split('\n')[0]}. Set ${userVariable} and ${passwordVariable}, and see docs/cluster.md for the rights that a worker needs.`
      : `Redis at ${where} cannot be used: ${code ? `${code}, ` : ''}${message}. Is it running, and does this machine reach it?${location.tls ? ` For a certificate of your own, name its authority in ${authorityVariable}.` : ''}`,
    { cause: error },
  );
}

function notALocation(got: string): StudyError {
  return new StudyError(
    'bad-location',
    `Expected a Redis location like redis://host:6379/0 or rediss://host:6379/0 (TLS), got ${got}.`,
  );
}
