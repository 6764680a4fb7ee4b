import { startFaultProxy } from '../../packages/store-s3/src/testing/fault-proxy.ts';
import { startTestS3 } from '../../packages/store-s3/src/testing/s3-server.ts';

/** The S3 server of the laboratory, as a program: HOST FOLDER BUCKET SHARE-REFUSED. Clients use port 9000. */
const [host = '127.0.0.1', directory = '', bucket = 'lab', refused = '0'] = process.argv.slice(2);
const server = await startTestS3({ host: '127.0.0.1', directory, buckets: [bucket] });
const proxy = await startFaultProxy({
  target: server.endpoint,
  host,
  port: 9000,
  faults: { refused: Number(refused) },
});
setInterval(() => console.log(JSON.stringify({ seen: proxy.seen, refused: proxy.made.refused })), 10_000);
