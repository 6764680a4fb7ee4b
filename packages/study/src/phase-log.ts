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

/** How a phase's attempts failed, as its log tells it. */
export interface LoggedFailure {
  /** When the last attempt ended. */
  at: string;
  host: string;
  message: string;
  /** Attempts that ended in an error. */
  failures: number;
}

/** The failure that a phase's last attempt ended with; undefined where it did not fail, or goes on, or could write nothing any more. */
export async function loggedFailure(store: Store, phase: PhaseKey): Promise<LoggedFailure | undefined> {
  // A message may have many lines, and a stack behind it.
  const entries = (await readPhaseLog(store, phase)).split(/^(?=\d{4}-\d\d-\d\dT\S+Z )/m);
  const parsed = entries.map((entry) => /^(?<at>\S+) (?<host>\S+) failed: (?<message>.*)$/s.exec(entry)?.groups);
  const last = parsed.at(-1);
  if (!last) return undefined;
  const message = last['message']!.replace(/\n {4}at .*/s, '').replace(/^\w*Error: /, '');
  return { at: last['at']!, host: last['host']!, message: message.trim(), failures: parsed.filter(Boolean).length };
}

/** What a phase's attempts said, as it stands in the store. */
export async function readPhaseLog(store: Store, phase: PhaseKey): Promise<string> {
  const bytes = await store.peek(phase, phaseLogFile);
  return bytes ? new TextDecoder().decode(bytes) : '';
}
