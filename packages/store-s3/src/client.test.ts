import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient } from './client.ts';

describe('createClient', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aws-'));
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config')).stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'none'));
    for (const name of ['URL', 'URL_S3']) vi.stubEnv(`AWS_ENDPOINT_${name}`, undefined);
    for (const name of ['REGION', 'DEFAULT_REGION', 'PROFILE']) vi.stubEnv(`AWS_${name}`, undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['none', '', 'Amazon S3', false],
    ['one of the profile', 'endpoint_url = http://minio.example:9000/s3', 'http://minio.example:9000/s3', true],
    [
      'one of the profile for S3',
      'services = lab\n[services lab]\ns3 =\n  endpoint_url = https://ceph.example',
      'https://ceph.example',
      true,
    ],
    ['Amazon’s own in the profile', 'endpoint_url = https://s3.eu-north-1.amazonaws.com', 'Amazon S3', false],
  ])('takes the form of the address from the server, where that is %s', async (_, profile, endpoint, isPath) => {
    await writeFile(join(folder, 'config'), `[default]\nregion = eu-north-1\n${profile}\n`);
    const made = await createClient({});
    expect(made.endpoint).toBe(endpoint);
    expect(made.client.config.forcePathStyle).toBe(isPath);
    vi.stubEnv('AWS_S3_FORCE_PATH_STYLE', 'false');
    expect((await createClient({})).client.config.forcePathStyle).toBe(false);
    vi.stubEnv('AWS_S3_FORCE_PATH_STYLE', undefined).stubEnv('AWS_ENDPOINT_URL', 'http://other.example');
    expect((await createClient({})).endpoint).toBe('http://other.example');
  });
});
