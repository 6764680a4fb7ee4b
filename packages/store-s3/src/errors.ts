export type S3StoreErrorCode =
  | 'bad-location'
  | 'bad-setting'
  | 'no-bucket'
  | 'access-denied'
  | 'no-credentials'
  | 'wrong-region'
  | 'clock-skew'
  | 'unreachable'
  | 'object-missing'
  | 'object-damaged'
  | 'file-changed'
  | 'no-conditions'
  | 'refused';

const marker = Symbol.for('@vlm/store-s3/error');

/** Every error that this package throws on purpose. `code` is stable; `message` says what was expected, what came, and what to do. No message holds a credential. */
export class S3StoreError extends Error {
  readonly code: S3StoreErrorCode;
  readonly [marker] = true as const;

  constructor(code: S3StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'S3StoreError';
    this.code = code;
  }

  /** True for an S3StoreError of any installed version of this package. */
  static isInstance(error: unknown): error is S3StoreError {
    return typeof error === 'object' && error !== null && marker in error;
  }
}

interface SdkError {
  name?: string;
  message?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

/** What is known of where it happened, for the message. */
export interface Where {
  bucket: string;
  endpoint: string;
  key?: string;
}

export function statusOf(error: unknown): number | undefined {
  return (error as SdkError).$metadata?.httpStatusCode;
}

export function nameOf(error: unknown): string {
  return (error as SdkError).name ?? 'Error';
}

/** An answer that a later try may improve: no answer at all, a busy or broken server, a write that met another. */
export function isPassing(error: unknown): boolean {
  if (S3StoreError.isInstance(error) || nameOf(error) === 'AbortError') return false;
  const status = statusOf(error);
  if (nameOf(error) === 'CredentialsProviderError') return false;
  if (status === undefined) return isNetworkError(error);
  return status >= 500 || [408, 409, 425, 429].includes(status) || passing.has(nameOf(error));
}

const passing = new Set(['SlowDown', 'RequestTimeout', 'RequestTimeTooSkewed', 'IncompleteBody', 'BadDigest']);
const network = /^(ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOST|ENET|EPROTO|ERR_STREAM|UND_ERR)/;

function isNetworkError(error: unknown): boolean {
  const { code = '', name = '', message = '' } = error as SdkError;
  return (
    network.test(code) ||
    ['TimeoutError', 'NetworkingError'].includes(name) ||
    /socket hang up|aborted|premature|timed? ?out|deserialization|unexpected end|parse error/i.test(message)
  );
}

/** What is worth keeping of an error of the SDK, whose own holds the whole request, signature and all. */
function plain(error: unknown): Error {
  const { name, message, code } = error as SdkError;
  const kept = new Error(message ?? String(error));
  return Object.assign(kept, { name: name ?? 'Error' }, code === undefined ? {} : { code });
}

/** Says in a sentence what the store answered and what to do about it. */
export function explain(error: unknown, { bucket, endpoint, key }: Where): unknown {
  if (S3StoreError.isInstance(error) || nameOf(error) === 'AbortError') return error;
  const name = nameOf(error);
  const status = statusOf(error);
  const options = { cause: plain(error) };
  const answer = `${status === undefined ? '' : `status ${status}, `}${name}`;
  const there = `s3://${bucket}${key === undefined ? '' : `/${key}`} at ${endpoint}`;
  const region = (error as SdkError).$response?.headers?.['x-amz-bucket-region'];
  if (name === 'NoSuchBucket') {
    return new S3StoreError(
      'no-bucket',
      `Expected the bucket ${bucket} at ${endpoint}, got ${answer}. Make the bucket first, or correct its name.`,
      options,
    );
  }
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return new S3StoreError(
      'no-credentials',
      `No credentials for ${there}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a profile of ~/.aws/credentials.`,
      options,
    );
  }
  if (name === 'RequestTimeTooSkewed') {
    return new S3StoreError(
      'clock-skew',
      `The clock of this machine (${new Date().toISOString()}) is too far from that of ${endpoint}. Set it (NTP) and run again.`,
      options,
    );
  }
  if (
    status === 301 ||
    name === 'PermanentRedirect' ||
    name === 'AuthorizationHeaderMalformed' ||
    name === 'IllegalLocationConstraintException'
  ) {
    return new S3StoreError(
      'wrong-region',
      `The bucket ${bucket} is not in the region that was asked (${answer})${region ? `; it is in ${region}` : ''}. Set AWS_REGION${region ? `=${region}` : ' to the region of the bucket'}.`,
      options,
    );
  }
  if (status === 401 || status === 403) {
    return new S3StoreError(
      'access-denied',
      `Access to ${there} was denied (${answer}). The credentials need GetObject, PutObject, DeleteObject, ListBucket, ListBucketMultipartUploads, ListMultipartUploadParts and AbortMultipartUpload.`,
      options,
    );
  }
  if (name === 'NoSuchUpload') {
    return new S3StoreError(
      'object-missing',
      `The upload of ${there} was removed while it was under way, by another process or a rule of the bucket. Run again.`,
      options,
    );
  }
  if (name === 'NoSuchKey' || name === 'NotFound' || status === 404) {
    return new S3StoreError(
      'object-missing',
      `Expected the object ${there}, got ${answer}: it has been deleted since it was written.`,
      options,
    );
  }
  if (status === undefined || isPassing(error)) {
    const { code, message } = error as SdkError;
    return new S3StoreError(
      'unreachable',
      `${there} did not answer as it should (${status === undefined ? (code ?? message ?? name) : answer}), and did not after trying again. Is the endpoint right (AWS_ENDPOINT_URL), and the network up?`,
      options,
    );
  }
  return new S3StoreError(
    'refused',
    `${there} refused a request: ${answer}: ${(error as SdkError).message ?? ''}`,
    options,
  );
}
