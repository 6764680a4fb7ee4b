import { S3Client } from '@aws-sdk/client-s3';

export interface ClientOptions {
  /** Default: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's, or Amazon's own. */
  endpoint?: string;
  /** Default: `AWS_REGION` or the profile's; `us-east-1` where none is named. */
  region?: string;
  /** `endpoint/bucket/key` in place of `bucket.endpoint/key`. Default: where an endpoint is named, unless `AWS_S3_FORCE_PATH_STYLE=false`. */
  forcePathStyle?: boolean;
}

const connectTimeoutMs = 10_000;
/** Silence on a connection after which it is given up. */
const silenceTimeoutMs = 30_000;

/**
 * A client set by the environment and the usual files. It tries nothing again by itself: what is tried again, and for how long, is decided
 * where it is known what for.
 */
export async function createClient(options: ClientOptions): Promise<{ client: S3Client; endpoint: string }> {
  const { env } = process;
  const endpoint = options.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  const client = new S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    region: options.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? (await profileRegion()) ?? 'us-east-1',
    forcePathStyle: options.forcePathStyle ?? (endpoint !== undefined && env['AWS_S3_FORCE_PATH_STYLE'] !== 'false'),
    maxAttempts: 1,
    // Bodies carry MD5 and are compared by SHA-256 as wholes; newer checksum headers are unknown to some servers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: connectTimeoutMs, socketTimeout: silenceTimeoutMs },
  });
  return { client, endpoint: endpoint === undefined ? 'Amazon S3' : withoutUser(endpoint) };
}

/** The client's own default, asked for once so that a missing one need not be an error. */
async function profileRegion(): Promise<string | undefined> {
  const probe = new S3Client({});
  try {
    return await probe.config.region();
  } catch {
    return undefined;
  } finally {
    probe.destroy();
  }
}

function withoutUser(endpoint: string): string {
  return endpoint.replace(/\/\/[^/@]*@/, '//');
}
