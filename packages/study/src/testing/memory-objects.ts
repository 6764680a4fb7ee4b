import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Objects } from '../store/objects.ts';

/** Objects of this process, for tests: every operation is first announced, and what is announced may throw. */
export function memoryObjects(announce: (operation: string, key: string) => void | Promise<void> = () => undefined) {
  const content = new Map<string, Uint8Array>();
  const moved = { up: 0, down: 0 };
  const objects: Objects = {
    location: 'memory://objects',
    async read(key) {
      await announce('read', key);
      return content.get(key);
    },
    async write(key, bytes) {
      await announce('write', key);
      content.set(key, bytes);
    },
    async create(key, bytes) {
      await announce('create', key);
      if (content.has(key)) return Buffer.compare(content.get(key)!, bytes) === 0;
      content.set(key, bytes);
      return true;
    },
    async checkConditions() {},
    async list(prefix) {
      await announce('list', prefix);
      return [...content.keys()].filter((key) => key.startsWith(prefix)).sort();
    },
    async remove(prefix, keep = () => false) {
      await announce('remove', prefix);
      for (const key of content.keys()) if (key.startsWith(prefix) && !keep(key)) content.delete(key);
    },
    async upload(key, path, { bytes, sha256 }) {
      await announce('upload', key);
      const body = (await readFile(path)).subarray(0, bytes);
      if (createHash('sha256').update(body).digest('hex') !== sha256) throw new Error(`${path} changed`);
      moved.up += bytes;
      content.set(key, body);
    },
    async download(key, path, { bytes }) {
      await announce('download', key);
      const body = content.get(key);
      if (!body) throw new Error(`no object ${key}`);
      moved.down += bytes;
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, body);
    },
  };
  return { objects, content, moved };
}
