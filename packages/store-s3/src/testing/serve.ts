/**
 * The test server by itself, for trying things by hand and for chaos runs:
 *
 *     npx tsx --conditions=@vlm/source packages/store-s3/src/testing/serve.ts [port] [host] [folder] [share of requests that fail]
 *
 * Prints what a client's environment needs; runs until it is stopped. Counts of requests and bytes at SIGUSR2 and at the end.
 */
import { startFaultProxy } from './fault-proxy.ts';
import { startTestS3 } from './s3-server.ts';

const [port = '0', host = '127.0.0.1', directory, failing = '0'] = process.argv.slice(2);
const share = Number(failing);
const s3 = await startTestS3({
  host: share > 0 ? '127.0.0.1' : host,
  port: share > 0 ? 0 : Number(port),
  ...(directory ? { directory } : {}),
});
const faults = { refused: 0.4 * share, unanswered: 0.3 * share, cut: 0.3 * share };
const proxy = share > 0 ? await startFaultProxy({ target: s3.endpoint, host, port: Number(port), faults }) : undefined;
const env = { ...s3.env, AWS_ENDPOINT_URL: (proxy ?? s3).endpoint };
for (const [name, value] of Object.entries(env)) process.stdout.write(`export ${name}=${value}\n`);

const say = (): void => {
  const { requests, received, sent } = s3;
  process.stdout.write(`${JSON.stringify({ requests, received, sent, faults: proxy?.made })}\n`);
};
const stop = async (): Promise<void> => {
  say();
  await proxy?.close();
  await s3.close();
  process.exit(0);
};
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
process.on('SIGUSR2', say);
