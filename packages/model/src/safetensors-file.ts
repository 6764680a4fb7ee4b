/** Safetensors files of any size, one tensor in memory at a time. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { ModelError } from './model-error.ts';
import { decodeTensor, type SafetensorsTensor } from './safetensors.ts';
import {
  encodeHeader,
  maxHeaderBytes,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type StoredTensor,
} from './safetensors-header.ts';

/** An open file, whose header has been found consistent with its length. */
export interface SafetensorsReader extends Pick<SafetensorsHeader, 'entries' | 'metadata'> {
  /** @throws ModelError MISSING_PARAMETER for a name that the file does not have, UNSUPPORTED_DTYPE */
  read(name: string): Promise<SafetensorsTensor>;
  /** The bytes of a tensor of any dtype. */
  readBytes(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens a file for reading tensor by tensor.
 * @throws ModelError INVALID_SAFETENSORS with the path
 * @example const file = await openSafetensors('model.safetensors'); const { data } = await file.read('lm_head.weight');
 */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const handle = await open(path, 'r');
  try {
    const { entries, metadata } = await readHeader(handle, path);
    const entryOf = (name: string): SafetensorsEntry => {
      const entry = entries.get(name);
      if (entry) return entry;
      throw new ModelError(
        'MISSING_PARAMETER',
        `${path}: expected a tensor "${name}", got ${[...entries.keys()].slice(0, 8).join(', ')}${entries.size > 8 ? ', …' : ''}.`,
      );
    };
    const readBytes = async (name: string): Promise<Uint8Array> => {
      const { begin, end } = entryOf(name);
      return readRange(handle, begin, end, path);
    };
    return {
      entries,
      metadata,
      readBytes,
      async read(name) {
        const { dtype, shape } = entryOf(name);
        return { dtype, shape, data: decodeTensor(name, dtype, await readBytes(name)) };
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Writes a file beside its place and renames it: there is never half a file under `path`.
 * @param tensors in the order in which they are to stand
 * @param encode the bytes of one tensor, asked for when its turn comes
 */
export async function writeSafetensorsFile(
  path: string,
  tensors: readonly (readonly [name: string, tensor: StoredTensor])[],
  metadata: Readonly<Record<string, string>>,
  encode: (name: string) => Uint8Array,
): Promise<void> {
  const partial = `${path}.partial`;
  const handle = await open(partial, 'w');
  try {
    await handle.writeFile(encodeHeader(tensors, metadata));
    for (const [name] of tensors) await handle.writeFile(encode(name));
    await handle.sync();
    await handle.close();
    await rename(partial, path);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(partial, { force: true });
    throw error;
  }
}

async function readHeader(handle: FileHandle, path: string): Promise<SafetensorsHeader> {
  const { size } = await handle.stat();
  const prefix = await readRange(handle, 0, Math.min(8, size), path);
  const declared = size < 8 ? 0 : Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  const end = declared > maxHeaderBytes ? prefix.length : Math.min(size, 8 + declared);
  try {
    return parseSafetensorsHeader(await readRange(handle, 0, end, path), size);
  } catch (error) {
    if (!ModelError.isInstance(error)) throw error;
    throw new ModelError(error.code, `${path}: ${error.message}`, { cause: error });
  }
}

async function readRange(handle: FileHandle, begin: number, end: number, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, 2 ** 30);
    const { bytesRead } = await handle.read(bytes, done, length, begin + done);
    if (bytesRead === 0) {
      throw new ModelError(
        'INVALID_SAFETENSORS',
        `${path}: expected ${end} bytes, got ${begin + done}; did it shrink?`,
      );
    }
    done += bytesRead;
  }
  return bytes;
}
