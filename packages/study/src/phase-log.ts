import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Phase } from './graph.ts';
import type { Store } from './store.ts';

export const phaseLogFile = 'log.txt';

/** One line of a phase's log: when, where, what. */
export function logLine(message: string): string {
  return `${new Date().toISOString()} ${hostname()} ${message}`;
}

/** Adds a line to the log in a phase's folder. A log that cannot be written (a full disk) stops nothing. */
export async function appendPhaseLog(directory: string, message: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await appendFile(join(directory, phaseLogFile), `${logLine(message)}\n`);
  } catch {}
}

/** What a phase's folder tells of its attempts. */
export async function readPhaseLog(store: Store, phase: Pick<Phase, 'kind' | 'hash'>): Promise<string> {
  return readFile(join(store.phaseDirectory(phase), phaseLogFile), 'utf8').catch(() => '');
}
