export type { ClientOptions } from './client.ts';
export { S3StoreError, type S3StoreErrorCode } from './errors.ts';
export { openS3, type S3Objects, type S3Options } from './open-s3.ts';
export type { FileFacts } from './upload.ts';
