import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import type { PhaseStatus } from '../executor.ts';
import type { Study } from '../graph.ts';
import { resultsFile } from '../phases/report.ts';
import { reportTwins } from '../report/report-document.ts';
import type { Store } from '../store.ts';
import { StudyError } from '../study-error.ts';
import { watchPage } from './watch-page.ts';
import { createWatcher } from './watch-state.ts';

export interface WatchServer {
  url: string;
  close(): Promise<void>;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};
/** What a report consists of; nothing else in its folder is served. */
const pages: readonly string[] = ['report.html', resultsFile, ...reportTwins];
const pictures = /^(?:figures\/[a-z0-9-]+\.svg|samples\/[\w-][\w.-]*\.png)$/;
const localHost = /^(localhost|127\.0\.0\.1)(:\d+)?$/;

/**
 * Serves a page that follows a study while it runs, to this machine alone. It only reads the store, so it can be started and stopped
 * at any time, from any terminal.
 *
 * @param port 0 for any that is free
 * @param live what an executor says of phases on other machines
 * @throws StudyError `port-taken` where another program listens there
 */
export async function watchStudy(
  study: Study,
  store: Store,
  port: number,
  live?: () => Promise<PhaseStatus[]>,
): Promise<WatchServer> {
  const look = createWatcher(study, store, live);
  // Looks that come while one is under way get the same answer.
  let current: Promise<string> | undefined;
  const state = (): Promise<string> => {
    current ??= look()
      .then((value) => JSON.stringify(value))
      .finally(() => {
        current = undefined;
      });
    return current;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const send = (status: number, type: string, body: string | Uint8Array): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    // A page from elsewhere that resolves its own name to this machine is not answered.
    if (!localHost.test(request.headers.host ?? '')) return send(403, 'text/plain', 'Ask for localhost.');
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/') return send(200, types['.html']!, watchPage(study.recipe));
    if (pathname === '/state.json') return send(200, types['.json']!, await state());
    const file = pathname.replace(/^\/report\//, '');
    const body = pages.includes(file) || pictures.test(file) ? await readReport(study, store, file) : undefined;
    if (!body) return send(404, 'text/plain', 'Not here, or not yet.');
    return send(200, types[extname(file)]!, body);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(error.message);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new StudyError('port-taken', `Another program listens on port ${port}; choose another with --port.`)
          : error,
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A file of the study's finished report. */
async function readReport(study: Study, store: Store, file: string): Promise<Uint8Array | undefined> {
  const report = study.phases.find(({ kind }) => kind === 'report');
  return report && (await store.record(report)) ? store.peek(report, file) : undefined;
}
