import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * Memory in large pages for every contestant, where glibc and the system offer them. PyTorch gives memory back and takes it again at each step, and on
 * a virtual machine the first touch of a small page can cost more than the arithmetic done with it: without this the table shows the machine's pages.
 */
const largePages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };

/** A training process that is driven line by line, so that several can take turns. */
export class Contestant {
  readonly name: string;
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private errors = '';

  private constructor(name: string, command: string, args: string[]) {
    this.name = name;
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...largePages } });
    this.child.on('error', (error) => {
      this.errors += error.message;
    });
    this.child.stderr!.on('data', (chunk) => {
      this.errors += chunk;
    });
    this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts the process and waits until it is ready. @throws when it ends before */
  static async start(name: string, command: string, args: string[]): Promise<Contestant> {
    const contestant = new Contestant(name, command, args);
    await contestant.answer();
    return contestant;
  }

  /** Trains for `count` steps. */
  steps(count: number): Promise<{ milliseconds: number[]; losses: number[] }> {
    return this.ask(`steps ${count}`);
  }

  /** The largest resident memory that the process ever had. */
  async peakBytes(): Promise<number> {
    return (await this.ask<{ peakBytes: number }>('memory')).peakBytes;
  }

  stop(): void {
    this.child.stdin!.end();
    this.child.kill();
  }

  private ask<T>(command: string): Promise<T> {
    this.child.stdin!.write(`${command}\n`);
    return this.answer() as Promise<T>;
  }

  private async answer(): Promise<unknown> {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name} ended: ${this.errors.trim().slice(-2000)}`);
    return JSON.parse(value);
  }
}
