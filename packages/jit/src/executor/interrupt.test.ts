import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../testing/endless-training.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

test.each(['default', 'handler'])(
  'Ctrl-C in the middle of a step that takes many seconds ends the process within one: %s',
  async (mode) => {
    const child = fork(program, [mode], { execArgv: ['--import', tsx, '--conditions=@vlm/source'] });
    const messages: unknown[] = [];
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    await new Promise((resolve) => {
      child.on('message', (message) => {
        messages.push(message);
        resolve(undefined);
      });
      child.once('exit', resolve);
    });
    const startMs = performance.now();
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
    expect(performance.now() - startMs).toBeLessThan(1000);
    expect(messages).toEqual(['training']);
  },
);
