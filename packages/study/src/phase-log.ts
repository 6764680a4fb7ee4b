import { appendFile, mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { PhaseKey, Store } from './store.ts';

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

/** What a phase's attempts said, as it stands in the store. */
export async function readPhaseLog(store: Store, phase: PhaseKey): Promise<string> {
  const bytes = await store.peek(phase, phaseLogFile);
  return bytes ? new TextDecoder().decode(bytes) : '';
}
