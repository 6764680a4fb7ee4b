/**
 * Which shards OpenLM reads between two checkpoints (its `get_string_for_epoch`; an "epoch" there is such an interval). Kept as it is,
 * quirks included, to plan or repeat a run of OpenLM's: every source is given equally many shards whatever its weight, so a source of
 * 1 % is opened as fast as one of 99 %. To mix by exact share, use `createMixture`.
 */
import { MixtureError } from '../mixture-error.ts';
import { numpyShuffle } from './numpy-shuffle.ts';

/** One line of a `manifest.jsonl`. */
export interface ManifestRow {
  shard: string;
  /** Sequences (samples) in it. */
  sequences: number;
}

export interface IntervalOptions {
  /** By source: the rows of its manifest. */
  manifests: readonly (readonly ManifestRow[])[];
  /** Samples wanted of all sources. */
  samples: number;
  /** First shard of each source that has not been read; from 0, counted on through passes with `multiplePasses`. */
  next: readonly number[];
  /** One per source; equal unless given. */
  weights?: readonly number[] | undefined;
  /** Readers in all: workers per process × processes. */
  readers: number;
  /** Begins again at the first shard where a pass has too few left, giving those up. */
  multiplePasses?: boolean | undefined;
  /** Shuffles the shards of each source as NumPy does; with `multiplePasses`, pass n by this seed + n. */
  shuffleSeed?: number | undefined;
}

export interface IntervalShards {
  /** By source: names of the shards to read, a multiple of `readers`. */
  shards: string[][];
  /** By source: samples in them. */
  samples: number[];
  /** By source: where the next interval begins. */
  next: number[];
}

/**
 * The shards of the next interval.
 *
 * @throws MixtureError `invalid-argument`; `empty-source` when a source has not enough shards left (OpenLM: an IndexError or ValueError)
 */
export function intervalShards(options: IntervalOptions): IntervalShards {
  const { manifests, next, weights = manifests.map(() => 1 / manifests.length) } = options;
  if (weights.length !== manifests.length || next.length !== manifests.length)
    throw new MixtureError(
      'invalid-argument',
      `expected one weight and one next shard for each of ${manifests.length} sources, got ${weights.length} and ${next.length}`,
    );
  checkCount('readers', options.readers, 1);
  for (const [i, shard] of next.entries()) checkCount(`next[${i}]`, shard, 0);
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const isUsable = weights.every((weight) => weight >= 0) && sum > 0 && Number.isFinite(sum);
  if (!isUsable || !(options.samples >= 0 && Number.isFinite(options.samples)))
    throw new MixtureError(
      'invalid-argument',
      `expected samples and weights from 0, with a positive, finite sum of the weights, got ${options.samples} samples and weights ${weights.join(', ')}`,
    );
  if (!options.multiplePasses) return withinPass({ ...options, weights }, next, 0);
  const lengths = manifests.map(({ length }) => length);
  const passes = next.map((shard, i) => Math.floor(shard / lengths[i]!));
  if (passes.some((pass) => pass !== passes[0]))
    throw new MixtureError(
      'invalid-argument',
      `expected all sources in the same pass over their shards, got passes ${passes.join(', ')} (next shards ${next.join(', ')} of ${lengths.join(', ')})`,
    );
  for (let attempt = 0; ; attempt++) {
    const pass = passes[0]! + attempt;
    try {
      const start = attempt > 0 ? next.map(() => 0) : next.map((shard, i) => shard % lengths[i]!);
      const found = withinPass({ ...options, weights }, start, pass);
      return { ...found, next: found.next.map((shard, i) => shard + pass * lengths[i]!) };
    } catch (error) {
      if (!(MixtureError.isInstance(error) && error.code === 'empty-source') || attempt === 2) throw error;
    }
  }
}

function withinPass(
  options: IntervalOptions & { weights: readonly number[] },
  next: readonly number[],
  pass: number,
): IntervalShards {
  const { manifests, samples, weights, readers, shuffleSeed } = options;
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const needed = weights.map((weight) => Math.ceil((weight * samples) / sum));
  const rows = manifests.map((manifest) =>
    shuffleSeed === undefined ? manifest : numpyShuffle(manifest, shuffleSeed + pass),
  );
  const taken: ManifestRow[][] = manifests.map(() => []);
  const enough = (): boolean => taken.every((list, i) => list.length >= readers && count(list) >= needed[i]!);
  while (!enough())
    for (const [i, list] of taken.entries()) {
      const row = rows[i]![next[i]! + list.length];
      if (row === undefined)
        throw new MixtureError(
          'empty-source',
          `source ${i} has ${rows[i]!.length} shards, the interval needs more from shard ${next[i]} on: make the interval shorter, use fewer readers, or pass over the data again (multiplePasses)`,
        );
      list.push(row);
    }
  const kept = taken.map((list) => list.slice(0, list.length - (list.length % readers)));
  return {
    shards: kept.map((list) => list.map(({ shard }) => shard)),
    samples: kept.map(count),
    next: kept.map((list, i) => next[i]! + list.length),
  };
}

/**
 * Shards of one source as the string that OpenLM hands to webdataset: beside the manifest, braces around several, and a pipe through the
 * AWS command line where the path of the manifest begins with `s3`.
 */
export function shardString(manifestPath: string, shards: readonly string[]): string {
  const folder = `${manifestPath.split('/').slice(0, -1).join('/')}/`;
  const path = `${folder}${shards.length === 1 ? shards[0] : `{${shards.join(',')}}`}.tar`;
  return manifestPath.startsWith('s3') ? `pipe:aws s3 cp ${path} -` : path;
}

/**
 * OpenLM's older way: shards in groups that reach a number of samples, group `chunk` modulo their number (its `get_shards_for_chunk`).
 */
export function chunkShards(
  manifest: readonly ManifestRow[],
  samples: number,
  chunk: number,
): { shards: string[]; samples: number } {
  if (manifest.length === 0)
    throw new MixtureError('empty-source', 'expected a manifest with at least one shard, got none');
  checkCount('chunk', chunk, 0);
  const groups: ManifestRow[][] = [[]];
  for (const row of manifest) {
    const last = groups.at(-1)!;
    if (last.length > 0 && count(last) >= samples) groups.push([row]);
    else last.push(row);
  }
  const group = groups[chunk % groups.length]!;
  return { shards: group.map(({ shard }) => shard), samples: count(group) };
}

function checkCount(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new MixtureError(
    'invalid-argument',
    `expected ${name} to be a whole number of at least ${least}, got ${value}`,
  );
}

function count(rows: readonly ManifestRow[]): number {
  return rows.reduce((sum, { sequences }) => sum + sequences, 0);
}
