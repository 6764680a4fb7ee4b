import type { PhaseMessage, PhaseRequest } from './child-process-runner.ts';
import { runPhase } from './run-phase.ts';
import { openStore } from './store.ts';

/** Entry of a phase's own process: one request in, progress out, then done or failed. */

const abort = new AbortController();
const say = (message: PhaseMessage): void => {
  if (process.connected) process.send?.(message);
};

process.on('SIGTERM', () => abort.abort());
// A Ctrl-C reaches the whole process group; the parent decides and passes on SIGTERM.
process.on('SIGINT', () => {});
// The parent is gone: nobody would write the record, so stop where the last checkpoint stands.
process.on('disconnect', () => process.exit(1));

process.once('message', (request: PhaseRequest) => {
  void work(request).then((message) => {
    if (!process.connected) return;
    process.send?.(message, () => process.exit(message.type === 'done' ? 0 : 1));
  });
});

async function work(request: PhaseRequest): Promise<PhaseMessage> {
  try {
    const store = await openStore(request.location, request.cache);
    const record = await runPhase(request.phase, request.study, store, {
      signal: abort.signal,
      onProgress: (progress) => say({ type: 'progress', progress }),
      onWarning: (message) => say({ type: 'warning', message }),
    });
    return { type: 'done', record };
  } catch (error) {
    const { name, message, code, stack } = error as Error & { code?: string };
    return { type: 'failed', error: { name, message, ...(code ? { code } : {}), ...(stack ? { stack } : {}) } };
  }
}
