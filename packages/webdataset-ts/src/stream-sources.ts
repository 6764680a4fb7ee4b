import { spawn } from 'node:child_process';
import type { ByteSource } from './byte-source.ts';

/** Passes over the first `offset` bytes of a stream that begins at 0. */
async function* from(chunks: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array, void> {
  let left = offset;
  for await (const chunk of chunks) {
    if (left < chunk.length) yield left > 0 ? chunk.subarray(left) : chunk;
    left = Math.max(0, left - chunk.length);
  }
}

/**
 * A shard from a stream that can be read once, under any name; without an argument, standard input.
 * Resuming reads the stream again from its beginning and passes over what was read.
 *
 * @throws Error when the stream is opened twice
 */
export function streamSource(stream?: AsyncIterable<Uint8Array>): ByteSource {
  let opened = false;
  return {
    seekable: () => false,
    open(shard, offset) {
      if (opened) throw new Error(`${shard === '-' ? 'standard input' : 'the stream'} can be read once only`);
      opened = true;
      return from(stream ?? process.stdin, offset);
    },
  };
}

/**
 * Runs the command behind `pipe:` in a shell and reads what it prints, as webdataset does. Off unless you ask for it, because whoever
 * writes the shard list then runs programs on this machine: `readShards(list, { source: sourceByScheme({ pipe: pipeSource() }) })`.
 *
 * @throws Error while reading, when the command fails: with its status and the end of what it wrote to standard error
 */
export function pipeSource(): ByteSource {
  return {
    seekable: () => false,
    open: (shard, offset) => from(output(shard.replace(/^pipe:/, '')), offset),
  };
}

async function* output(command: string): AsyncGenerator<Uint8Array, void> {
  const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  const exit = new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) =>
      resolve(status === 0 ? undefined : `it ended with ${signal ?? `status ${status}`}`),
    );
  });
  let whole = false;
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    whole = true;
  } finally {
    if (!whole) child.kill();
  }
  const failure = await exit;
  if (failure !== undefined)
    throw new Error(
      `${JSON.stringify(command)} failed: ${failure}${complaint === '' ? '' : `; it said: ${complaint.trim()}`}`,
    );
}
