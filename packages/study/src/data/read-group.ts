import { access, readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readManifest } from '@vlm/corpus';
import { createRandom } from '@vlm/model';
import type { OpenSource } from '@vlm/trainer';
import { filterSource, mapSource } from '@vlm/trainer';
import {
  literalShard,
  type ReadShardsOptions,
  readShards,
  type Sample,
  type ShardPosition,
  WebDatasetError,
} from 'webdataset-ts';
import { StudyError } from '../study-error.ts';
import { isAddress } from './check-paths.ts';
import { type ExternalManifest, externalManifestFile, type GroupFormat } from './external-corpus.ts';

/** A group of samples (`captions/train`): its shards, and how samples lie in them. */
interface Group {
  format: GroupFormat;
  shards: string[];
  /** Samples in all; undefined where nobody has counted them. */
  samples: number | undefined;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const noBytes = new Uint8Array(0);

/** Every group of a corpus, of the default one or of data of the user's own. */
export async function corpusGroups(corpus: string): Promise<Record<string, Group>> {
  const external = await readFile(join(corpus, externalManifestFile), 'utf8').catch(() => undefined);
  if (external !== undefined) {
    const { groups, counts } = JSON.parse(external) as ExternalManifest;
    const located = (shard: string): string => (isAbsolute(shard) || isAddress(shard) ? shard : join(corpus, shard));
    return Object.fromEntries(
      Object.entries(groups).map(([name, { format, shards }]) => [
        name,
        { format, shards: shards.map(located), samples: counts.samples[name] },
      ]),
    );
  }
  const { shards } = await readManifest(corpus);
  return Object.fromEntries(
    Object.entries(shards).map(([group, entries]) => [
      group,
      {
        format: { kind: 'own' },
        shards: entries.map(({ path }) => join(corpus, path)),
        samples: entries.reduce((sum, { samples }) => sum + samples, 0),
      },
    ]),
  );
}

/** Whether a corpus is data of the user's own. */
export function isExternal(corpus: string): Promise<boolean> {
  return access(join(corpus, externalManifestFile)).then(
    () => true,
    () => false,
  );
}

export interface GroupReading extends Pick<ReadShardsOptions, 'shuffleShards' | 'shuffleSamples' | 'onBroken'> {
  /** Whether pictures that lie beside the shards are read; otherwise their members are empty and say only that there is one. */
  pictures?: boolean;
  /** Told of samples that lack what a sample of the group has. */
  onLeftOut?: (key: string, reason: string) => void;
  /** Whether each pass has an order of its own; left out: all have that of the first. */
  reshuffle?: boolean | undefined;
  /** Passes that the run before this one has read to their end, whose orders come again no more. */
  passesBefore?: number | undefined;
}

/**
 * Samples of one group as the default corpus has them, whatever they lie as: `txt` a document or caption, `png` a picture of any format, `json` a
 * conversation, `tokens` a list of token ids in JSON.
 */
export function readGroup(corpus: string, group: string, reading: GroupReading = {}): OpenSource<Sample> {
  const { pictures = false, onLeftOut, reshuffle = false, passesBefore = 0, ...how } = reading;
  let format: GroupFormat = { kind: 'own' };
  const raw: OpenSource<Sample> = async (state, pass) => {
    const found = (await corpusGroups(corpus))[group];
    format = found?.format ?? format;
    const shards = (found?.shards ?? []).map(literalShard);
    // A position knows its pass.
    if (state !== undefined) return readShards(shards, { ...how, state: state as ShardPosition });
    return readShards(shards, { ...how, epoch: reshuffle ? passesBefore + (pass?.epoch ?? 0) : 0 });
  };
  const { onBroken = 'error' } = how;
  const skipsLines = onBroken !== 'error';
  const whole = filterSource(
    raw,
    (sample) => lacks(sample, format, skipsLines) ?? true,
    (sample, reason) => {
      // A line that is broken is a fault of its shard, a sample that lacks something is none.
      if (format.kind === 'dclm' && skipsLines)
        onBroken(new WebDatasetError('undecodable', noDocument(sample).message));
      else onLeftOut?.(sample.key, reason);
    },
  );
  return async (state, pass) => {
    // The default corpus needs no change, and its positions stay what they were.
    const isOwn = ((await corpusGroups(corpus))[group]?.format ?? format).kind === 'own';
    return isOwn ? raw(state, pass) : mapSource(whole, (sample) => normalised(sample, format, pictures))(state, pass);
  };
}

/** The same, one after the other. */
export async function* eachSample(corpus: string, group: string, reading: GroupReading = {}): AsyncGenerator<Sample> {
  const source = await readGroup(corpus, group, reading)();
  try {
    for (;;) {
      const { done, value } = await source.next();
      if (done) return;
      yield value;
    }
  } finally {
    await source.return?.();
  }
}

/** Why a sample cannot be used; undefined where it can. */
function lacks(sample: Sample, format: GroupFormat, skipsLines: boolean): string | undefined {
  if (format.kind === 'dclm' && skipsLines) return textOfLine(sample) ? undefined : 'no line of JSON with a text';
  if (format.kind !== 'datacomp') return undefined;
  if (!pictureOf(sample.members))
    return 'no picture in the shard (the public release of DataComp-DR has addresses alone)';
  return captionOf(sample, format.caption) === undefined ? `no ${format.caption} caption` : undefined;
}

async function normalised(sample: Sample, format: GroupFormat, pictures: boolean): Promise<Sample> {
  const { members } = sample;
  const as = (changed: Record<string, Uint8Array>): Sample => ({ ...sample, members: changed });
  switch (format.kind) {
    case 'own':
      return sample;
    case 'dclm':
      return as({ txt: encoder.encode(documentOf(sample)) });
    case 'openlm-tokens':
      return as({ tokens: tokenBytes(sample) });
    case 'datacomp':
      return as({ png: pictureOf(members)!, txt: encoder.encode(captionOf(sample, format.caption)!) });
    case 'llava': {
      const { image } = JSON.parse(decoder.decode(members['json'])) as { image?: string };
      if (image === undefined) return sample;
      return as({ ...members, png: pictures ? await readFile(join(format.images, image)) : noBytes });
    }
  }
}

/** The text of a line of DCLM-Baseline: `{ text, url, metadata, … }`. */
function documentOf(sample: Sample): string {
  const text = textOfLine(sample);
  if (text) return text;
  throw noDocument(sample);
}

function noDocument({ shard, key }: Sample): StudyError {
  return badSample(shard, key, 'a line of JSON with a "text" of at least one character');
}

/** What a line of JSON has as its `text`; undefined where that is no text, or the line no JSON. */
export function textOfLine({ members }: Pick<Sample, 'members'>): string | undefined {
  const text = parsedObject(members['json'])?.['text'];
  return typeof text === 'string' ? text : undefined;
}

function parsedObject(bytes: Uint8Array | undefined): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(decoder.decode(bytes))) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** A member of an OpenLM shard: `json.gz`, `json` or `txt` with a list of ids. */
function tokenBytes({ key, shard, members }: Sample): Uint8Array {
  const plain = members['json'] ?? members['txt'];
  if (plain) return plain;
  const packed = members['json.gz'];
  if (packed) return gunzipSync(packed);
  throw badSample(shard, key, 'a member json.gz, json or txt with a list of token ids');
}

function pictureOf(members: Sample['members']): Uint8Array | undefined {
  return members['jpg'] ?? members['jpeg'] ?? members['png'] ?? members['webp'];
}

/** DataComp-DR's synthetic captions stand in `syn.json` as `{ syn_text: [...] }`; a sample keeps the one that its key draws. */
function captionOf({ shard, key, members }: Sample, kind: 'original' | 'synthetic'): string | undefined {
  if (kind === 'original') return present(members['txt'] && decoder.decode(members['txt']));
  const bytes = members['syn.json'];
  if (!bytes) return undefined;
  const found = parsedObject(bytes);
  if (!found) throw badSample(shard, key, 'JSON in its member syn.json');
  const { syn_text: captions = [] } = found as { syn_text?: string[] };
  const usable = captions.filter((caption) => present(caption));
  return usable[Math.floor(createRandom(`synthetic-caption/${key}`).uniform() * usable.length)];
}

const present = (text: string | undefined): string | undefined => (text?.trim() ? text : undefined);

export function badSample(shard: string, key: string, expected: string): StudyError {
  return new StudyError(
    'bad-data',
    `Sample ${key} of ${shard}: expected ${expected}; is the format in the recipe the shard’s?`,
  );
}
