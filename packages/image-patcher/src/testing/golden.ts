import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const own = join(import.meta.dirname, '../../fixtures');

/** A file of reference cases: from the folder that `GOLDEN_DIR` names where it has one, else the package's own. */
export function golden<T>(name: string): T {
  const folder = process.env['GOLDEN_DIR'];
  const given = folder === undefined ? '' : join(folder, name);
  return JSON.parse(readFileSync(given && existsSync(given) ? given : join(own, name), 'utf8')) as T;
}

/** Folders of encoders in the layout of the hub's exports, by name. */
export function hubFolders(): Record<string, string> {
  const hub = join(own, 'hub');
  const names = readdirSync(hub, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return Object.fromEntries(names.map(({ name }) => [name, join(hub, name)]));
}

export const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
