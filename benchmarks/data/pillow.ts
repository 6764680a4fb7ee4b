import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Python process that does the same with torchvision on Pillow. */
export interface Pillow {
  versions: string;
  /** Seconds for decoding and cutting all files, as Python measures them. */
  run(job: { size: number; patch: number; files: readonly Buffer[] }): Promise<number>;
  close(): void;
}

/** Starts Python (`BENCH_PYTHON`, or python3) where it has torchvision and Pillow; undefined where it has not. */
export async function openPillow(): Promise<Pillow | undefined> {
  const script = join(import.meta.dirname, 'pictures.py');
  const child = spawn(process.env['BENCH_PYTHON'] ?? 'python3', [script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const gone = new Promise<undefined>((resolve) => {
    child.on('error', () => resolve(undefined));
    child.on('close', () => resolve(undefined));
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, unknown> | undefined> => {
    const line = await Promise.race([lines.next(), gone]);
    return line?.done === false ? (JSON.parse(line.value) as Record<string, unknown>) : undefined;
  };
  const hello = await next();
  if (hello === undefined) return undefined;
  return {
    versions: String(hello['versions']),
    async run({ size, patch, files }) {
      child.stdin.write(`${JSON.stringify({ size, patch, files: files.map((f) => f.toString('base64')) })}\n`);
      const answer = await next();
      if (answer === undefined) throw new Error('Python ended without an answer.');
      return Number(answer['seconds']);
    },
    close: () => child.stdin.end(),
  };
}
