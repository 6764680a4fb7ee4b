import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readShards, sourceByScheme } from './index.ts';
import { s3Source } from './s3.ts';
import { readAll } from './testing/read-all.ts';
import { startS3 } from './testing/s3-server.ts';
import { tarOf, temporaryFolder } from './testing/tar-bytes.ts';

const { CreateBucketCommand, PutObjectCommand, S3Client }: typeof import('@aws-sdk/client-s3') = createRequire(
  import.meta.url,
)('@aws-sdk/client-s3');

const shard = tarOf(...Array.from({ length: 50 }, (_, i) => [`${i}.txt`, `text ${i} `.repeat(300)] as const));

describe('s3Source, against a server that speaks S3', () => {
  let server: Awaited<ReturnType<typeof startS3>>;
  const config = () => ({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
  });
  beforeAll(async () => {
    server = await startS3();
    const client = new S3Client(config());
    await client.send(new CreateBucketCommand({ Bucket: 'data' }));
    for (const Key of ['train/a-0.tar', 'train/a-1.tar'])
      await client.send(new PutObjectCommand({ Bucket: 'data', Key, Body: shard }));
    client.destroy();
  });
  afterAll(() => server.close());

  const source = (more: object = {}) => sourceByScheme({ s3: s3Source({ config: config(), delayMs: 1, ...more }) });

  it('reads shards and goes on at the byte', async () => {
    const list = 's3://data/train/a-{0..1}.tar';
    const reader = readShards(list, { source: source() });
    for (let i = 0; i < 60; i++) await reader.next();
    const state = reader.state();
    await reader.return();
    expect(state).toMatchObject({ shard: 1, sample: 10 });
    const rest = await readAll(readShards(list, { source: source(), state }));
    expect(rest).toHaveLength(40);
    expect(rest[0]).toMatch(/^s3:\/\/data\/train\/a-1.tar#10 10 txt=text 10 /);
  });

  it('is used as the README says', async () => {
    const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
    const snippet = /```ts\n(import \{ readShards, sourceByScheme \}[^`]*)```/.exec(readme)![1]!;
    const here = snippet
      .replace('https://minio.example.org', server.endpoint)
      .replace('s3://bucket/train-{000..009}.tar', 's3://data/train/a-{0..1}.tar')
      .replace("from 'webdataset-ts'", `from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}`)
      .replace("from 'webdataset-ts/s3'", `from ${JSON.stringify(join(import.meta.dirname, 's3.ts'))}`);
    expect(here.match(/data\/train|127\.0\.0\.1|index\.ts|s3\.ts/g)).toHaveLength(4);
    const path = join(temporaryFolder({ 'readme.ts': Buffer.from(`${here}\nexport { reader };\n`) }), 'readme.ts');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER').stubEnv('AWS_SECRET_ACCESS_KEY', 'S3RVER');
    try {
      const { reader } = await import(path);
      expect(await readAll(reader)).toHaveLength(100);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('resumes a body that breaks off', async () => {
    const inner = new S3Client(config());
    const ranges: (string | undefined)[] = [];
    const client = {
      async send(command: { input: { Range?: string } }) {
        ranges.push(command.input.Range);
        const answer = await inner.send(command as never);
        const { Body } = answer as unknown as { Body: AsyncIterable<Uint8Array> };
        async function* broken(): AsyncGenerator<Uint8Array> {
          let left = 30_000;
          for await (const chunk of Body) {
            yield chunk.subarray(0, left);
            left -= chunk.length;
            if (left <= 0) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
          }
        }
        return { ...(answer as object), Body: broken() };
      },
    };
    expect(await readAll(readShards('s3://data/train/a-0.tar', { source: source({ client }) }))).toHaveLength(50);
    expect(ranges).toEqual([
      undefined,
      ...Array.from({ length: ranges.length - 1 }, (_, i) => `bytes=${30_000 * (i + 1)}-`),
    ]);
    expect(ranges.length).toBe(Math.ceil(shard.length / 30_000));
    inner.destroy();
  });

  it('frees the body of an answer that it does not read, because the shard changed', async () => {
    const bodies: Readable[] = [];
    const client = {
      async send() {
        const Body = Readable.from(bodies.length === 0 ? [shard.subarray(0, 5000)] : [shard.subarray(5000), shard]);
        bodies.push(Body);
        const ContentRange = bodies.length === 1 ? undefined : `bytes 5000-${shard.length - 1}/${shard.length}`;
        return { Body, ETag: `"${bodies.length}"`, ContentLength: shard.length, ContentRange };
      },
    };
    await expect(readAll(readShards('s3://data/a.tar', { source: source({ client }) }))).rejects.toThrow(
      /changed while it was read/,
    );
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  it('refuses a setting of the client that stands beside config', () => {
    expect(() => s3Source({ region: 'eu-central-1' } as never)).toThrow(
      /s3Source: unknown option "region"; expected client, config, retries/,
    );
  });

  it('says what the store answered, and tries only what may help', async () => {
    let tries = 0;
    const options = { source: source({ onRetry: () => tries++ }) };
    await expect(readShards('s3://data/none.tar', options).next()).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/NoSuchKey \(status 404\)/),
    });
    await expect(readShards('s3://none/a.tar', options).next()).rejects.toThrow(/NoSuchBucket \(status 404\)/);
    await expect(readShards('s3://bucket-alone', options).next()).rejects.toThrow(/expected s3:\/\/BUCKET\/KEY/);
    expect(tries).toBe(0);
  });
});
