import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CorpusError } from './errors.ts';
import type { Licence } from './licences.ts';
import type { CorpusSettings } from './settings.ts';
import type { TextCounts } from './text-documents.ts';

/** Raise when the same settings start to give other bytes. */
export const corpusVersion = 1;

export interface ShardEntry {
  /** Relative to the corpus's folder, e.g. `captions/train-000000.tar`. */
  path: string;
  samples: number;
  bytes: number;
  sha256: string;
}

/** What `manifest.json` says. */
export interface CorpusManifest {
  format: 'staged-vlm-corpus';
  version: number;
  /** SHA-256 of version, settings and package versions: equal hashes, equal bytes. */
  hash: string;
  settings: CorpusSettings;
  packages: Record<string, string>;
  /** Groups: `captions/train`, `conversations/train`, `text/train`, `text/val`, `text/test`, `eval/<task>`. */
  shards: Record<string, ShardEntry[]>;
  counts: {
    samples: Record<string, number>;
    bytes: number;
    /** Estimated tokens of text, words × 1.35; pictures not counted. */
    tokens: Record<string, number>;
    /** Turns of conversations and evaluation items by type. */
    items: Record<string, number>;
    text: TextCounts;
  };
  /** Label vocabularies in fixed order; indices of dense labels refer to them. */
  vocabulary: {
    concepts: string[];
    heldOutConcepts: string[];
    categories: string[];
    colours: string[];
    backgrounds: string[];
  };
  splits: {
    vendors: { train: string[]; newVendor: string };
    concepts: string;
    documents: string;
    phrasings: { seen: Record<string, string[]>; heldOut: Record<string, string> };
  };
  licences: Licence[];
  notes: string[];
}

/** The identity of a corpus. */
export function corpusHash(settings: CorpusSettings, packages: Record<string, string>): string {
  return createHash('sha256').update(canonicalJson({ corpusVersion, settings, packages })).digest('hex');
}

/** JSON with sorted keys: the same value, the same text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`)
      .join(',')}}`;
  return JSON.stringify(value);
}

/**
 * Reads a corpus's manifest and checks that its shards are there in full size.
 * @throws CorpusError `invalid-manifest`
 */
export async function readManifest(directory: string): Promise<CorpusManifest> {
  const path = join(directory, 'manifest.json');
  let manifest: CorpusManifest;
  try {
    manifest = JSON.parse(await readFile(path, 'utf8')) as CorpusManifest;
  } catch (cause) {
    throw new CorpusError('invalid-manifest', `${path} cannot be read as a corpus manifest; build the corpus again.`, {
      cause,
    });
  }
  if (manifest.format !== 'staged-vlm-corpus' || manifest.version !== corpusVersion)
    throw new CorpusError(
      'invalid-manifest',
      `${path}: expected format staged-vlm-corpus version ${corpusVersion}, got ${manifest.format} version ${manifest.version}; build the corpus again.`,
    );
  for (const shard of Object.values(manifest.shards).flat()) {
    const size = await stat(join(directory, shard.path)).then(
      (entry) => entry.size,
      () => -1,
    );
    if (size !== shard.bytes)
      throw new CorpusError(
        'invalid-manifest',
        `${join(directory, shard.path)}: expected ${shard.bytes} bytes, ${size < 0 ? 'the file is missing' : `got ${size}`}; build the corpus again.`,
      );
  }
  return manifest;
}
