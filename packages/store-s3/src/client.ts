import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';

export interface ClientOptions {
  /** Default: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's, or Amazon's own. */
  endpoint?: string;
  /** Default: `AWS_REGION` or the profile's; `us-east-1` where none is named. */
  region?: string;
  /** `endpoint/bucket/key` in place of `bucket.endpoint/key`. Default: where an endpoint is named, unless `AWS_S3_FORCE_PATH_STYLE=false`. */
  forcePathStyle?: boolean;
}

/** Of a request of the client, where it goes. */
interface RequestAddress {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
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
  const region =
    options.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? (await profileRegion()) ?? 'us-east-1';
  const endpoint =
    options.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'] ?? (await profileEndpoint(region));
  const client = new S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    region,
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

/**
 * The server that a profile names, found out as the client does: by the address of a request that is not sent. Undefined where that is Amazon's own.
 */
async function profileEndpoint(region: string): Promise<string | undefined> {
  let address: URL | undefined;
  const probe = new S3Client({
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    requestHandler: {
      async handle({ protocol, hostname, port, path }: RequestAddress): Promise<never> {
        address = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
        throw new Error('This request is not sent.');
      },
    },
  });
  // A profile that cannot be read is explained where the first request is sent.
  await probe.send(new ListBucketsCommand({})).catch(() => undefined);
  probe.destroy();
  if (address === undefined || /^s3[.-].*amazonaws\.com(\.cn)?$/.test(address.hostname)) return undefined;
  return address.origin + address.pathname.replace(/\/$/, '');
}

function withoutUser(endpoint: string): string {
  return endpoint.replace(/\/\/[^/@]*@/, '//');
}
