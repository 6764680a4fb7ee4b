import type { Dirent } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import sharp from 'sharp';
import { backgroundNames } from './backgrounds.ts';
import { noCategory } from './categories.ts';
import { CorpusError, throwIfAborted } from './errors.ts';
import { licences, licencesFile, licenceTexts } from './licences.ts';
import { type CorpusManifest, corpusHash, corpusVersion, readManifest, type ShardEntry } from './manifest.ts';
import { openWorld } from './open-world.ts';
import { pinnedVersion } from './packages.ts';
import { colourNames, mixedColour } from './palette.ts';
import { type Form, heldOutPhrasing, phrasings, seenPhrasings } from './phrasings.ts';
import { openPool, type Pool } from './pool.ts';
import { type CorpusSettings, validateSettings } from './settings.ts';
import { ShardGroups } from './shard-groups.ts';
import { needsSigns, signFonts } from './signs.ts';
import { chosenSources } from './text-sources.ts';
import type { PlainSample, Unit, UnitResult } from './units.ts';
import { vendors } from './vendors.ts';
import type { VisionTask } from './vision-items.ts';
import type { WorldData } from './world.ts';

/** How far a build is. */
export interface CorpusProgress {
  phase: 'drawings' | 'scenes and text' | 'done';
  /** Samples written so far and in all (text counts as one until it is known). */
  done: number;
  total: number;
}

export interface BuildCorpusOptions {
  /** Where the corpus goes; made if absent. A folder that holds anything but a corpus, or anything beside one, is left alone. */
  directory: string;
  onProgress?: (progress: CorpusProgress) => void;
  signal?: AbortSignal;
  /** Worker threads. Default: one a core, none for a small corpus. The bytes do not depend on it. */
  threads?: number;
}

const unitSize = 250;

/** Builds that this process has started: two at a time must not share a folder. */
let builds = 0;

/**
 * Builds a corpus, or returns at once when the folder already holds the one that these settings give.
 * The corpus of other settings is replaced. The same settings and package versions give the same bytes, whatever the number of threads. Work goes into a folder beside the
 * target and is renamed into place at the end, so a folder with a manifest is always whole.
 *
 * @throws CorpusError `invalid-settings`, `missing-package`, `wrong-version`, `broken-package`, `not-enough-data`, `directory-not-ours`,
 *   `write-failed`, `worker-failed`, `aborted`
 * @example
 * const manifest = await buildCorpus(corpusSettings('quick'), { directory: 'corpus' });
 * manifest.counts.samples['captions/train']; // 10000
 */
export async function buildCorpus(settings: CorpusSettings, options: BuildCorpusOptions): Promise<CorpusManifest> {
  validateSettings(settings);
  throwIfAborted(options.signal);
  const directory = resolve(options.directory);
  const packages = packagesOf(settings);
  const hash = corpusHash(settings, packages);
  const there = await lookAt(directory);
  if (there?.hash === hash) {
    report(options, 'done', there);
    return there;
  }
  await refuseForeign(directory);
  const building = `${directory}.building-${process.pid}-${builds++}`;
  try {
    await removeAbandoned(directory);
    await rm(building, { recursive: true, force: true });
    await mkdir(building, { recursive: true });
    const manifest = await build(settings, packages, hash, building, options);
    await writeFile(join(building, licencesFile), licenceTexts(manifest.licences));
    await writeFile(join(building, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    throwIfAborted(options.signal);
    // Again: a build takes long enough for someone to put a file there.
    await refuseForeign(directory);
    await rm(directory, { recursive: true, force: true });
    await rename(building, directory);
    report(options, 'done', manifest);
    return manifest;
  } catch (error) {
    await rm(building, { recursive: true, force: true }).catch(() => undefined);
    throw asCorpusError(error, directory);
  }
}

function report(options: BuildCorpusOptions, phase: CorpusProgress['phase'], manifest: CorpusManifest): void {
  const total = Object.values(manifest.counts.samples).reduce((sum, n) => sum + n, 0);
  options.onProgress?.({ phase, done: total, total });
}

/** The corpus in a folder: undefined where there is none or a broken one. @throws CorpusError `directory-not-ours` */
async function lookAt(directory: string): Promise<CorpusManifest | undefined> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CorpusError(
      'directory-not-ours',
      `${directory} cannot be used as the folder of a corpus: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (names.length === 0) return undefined;
  const text = names.includes('manifest.json') ? await readFile(join(directory, 'manifest.json'), 'utf8') : '';
  if (!/^\{\s*"format": "staged-vlm-corpus"/.test(text))
    throw new CorpusError(
      'directory-not-ours',
      `${directory} holds something that is not a corpus (${names.slice(0, 3).join(', ')}); give an empty or new folder.`,
    );
  // Ours but of another version or damaged: it is built anew.
  return readManifest(directory).catch(() => undefined);
}

/** Names that a shard may have, for a corpus whose manifest can no longer be read. */
const shardName = /^(captions|conversations|text|eval)\/[a-z-]+-\d{6}\.tar$/;

/** Replacing a corpus removes its folder: everything in it must be the corpus's own. @throws CorpusError `directory-not-ours` */
async function refuseForeign(directory: string): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.length === 0) return;
  const shards = await listedShards(directory);
  const isShard = (name: string): boolean => (shards ? shards.has(name) : shardName.test(name));
  const nameOf = (entry: Dirent): string =>
    relative(directory, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
  const files = entries.filter((entry) => !entry.isDirectory()).map(nameOf);
  const foreign = files.filter((name) => !['manifest.json', licencesFile].includes(name) && !isShard(name)).sort();
  if (foreign.length === 0) return;
  const shown = foreign.slice(0, 5).join(', ');
  throw new CorpusError(
    'directory-not-ours',
    `${directory} holds a corpus and files that are none of it (${shown}${foreign.length > 5 ? ` and ${foreign.length - 5} more` : ''}); replacing the corpus would remove them. Move them away, or give another folder.`,
  );
}

/** The shards that a manifest lists, of any version; undefined where it lists none. */
async function listedShards(directory: string): Promise<Set<string> | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')) as Partial<CorpusManifest>;
    return new Set(Object.values(manifest.shards!).flatMap((list) => list.map(({ path }) => path)));
  } catch {
    return undefined;
  }
}

/** Removes what builds of processes that are gone left behind. */
async function removeAbandoned(directory: string): Promise<void> {
  const prefix = `${basename(directory)}.building-`;
  const names = await readdir(dirname(directory)).catch(() => []);
  for (const name of names) {
    // Only names as this package gives them: `corpus.building-notes` is somebody's own.
    const pid = name.startsWith(prefix) && /^(\d+)-\d+$/.exec(name.slice(prefix.length))?.[1];
    if (pid && !isAlive(Number(pid))) await rm(join(dirname(directory), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function asCorpusError(error: unknown, directory: string): unknown {
  if (CorpusError.isInstance(error)) return error;
  // The file system's own error may be wrapped by the writer of the shards.
  const reasons = [error, (error as Error).cause] as (NodeJS.ErrnoException | undefined)[];
  const reason = reasons.find((one) => typeof one?.code === 'string' && /^E[A-Z]+$/.test(one.code));
  if (reason?.code === 'ENOSPC')
    return new CorpusError('write-failed', `No space is left for the corpus at ${directory}; nothing was kept.`, {
      cause: error,
    });
  if (reason)
    return new CorpusError('write-failed', `The corpus cannot be written at ${directory}: ${reason.message}`, {
      cause: error,
    });
  return error;
}

/** Versions of every package whose content reaches the corpus. */
function packagesOf(settings: CorpusSettings): Record<string, string> {
  const names = [
    ...vendors.map((vendor) => vendor.package),
    'emojibase-data',
    ...(needsSigns(settings) ? ['opentype.js', ...signFonts.map((font) => font.package)] : []),
    ...chosenSources(settings.text.maxTokens).map((source) => source.package),
  ];
  return {
    ...Object.fromEntries(names.sort().map((name) => [name, pinnedVersion(name)])),
    sharp: sharp.versions.sharp,
  };
}

async function build(
  settings: CorpusSettings,
  packages: Record<string, string>,
  hash: string,
  building: string,
  options: BuildCorpusOptions,
): Promise<CorpusManifest> {
  const units = unitsOf(settings);
  const total = units.reduce((sum, unit) => sum + (unit.kind === 'text' ? 1 : unit.end - unit.start), 0);
  options.onProgress?.({ phase: 'drawings', done: 0, total });
  const world = await openWorld(settings, options.signal);
  const threads = options.threads ?? (total < 2000 ? 0 : Math.min(availableParallelism(), 16));
  const pool = openPool(threads, world);
  const shards = new ShardGroups(building, settings.samplesPerShard);
  try {
    const sums: Sums = {
      tokens: {},
      items: {},
      text: { duplicates: 0, nearDuplicatesAcrossSplits: 0, tooShort: 0, overCap: 0 },
    };
    let done = 0;
    options.onProgress?.({ phase: 'scenes and text', done, total });
    let textOnly: PlainSample[] = [];
    for await (const [unit, result] of inOrder(pool, units, threads, options.signal)) {
      addUp(sums, result);
      if (unit.kind === 'text') textOnly = result.samples['conversations/text-only'] ?? [];
      for (const [group, samples] of Object.entries(result.samples)) {
        if (group === 'conversations/text-only') continue;
        if (unit.kind === 'conversations') {
          const every = settings.conversations.scenes / Math.max(1, textOnly.length);
          for (const [i, sample] of samples.entries()) {
            await shards.add(group, sample);
            // Rows without a picture come at even distances.
            const [before, after] = [Math.floor((unit.start + i) / every), Math.floor((unit.start + i + 1) / every)];
            for (const row of textOnly.slice(before, after)) await shards.add(group, row);
          }
        } else for (const sample of samples) await shards.add(group, sample);
      }
      done += unit.kind === 'text' ? 1 : unit.end - unit.start;
      options.onProgress?.({ phase: 'scenes and text', done, total });
    }
    return describe(settings, packages, hash, world, await shards.close(), sums);
  } catch (error) {
    // What went wrong first is what the caller should hear.
    await shards.abort().catch(() => undefined);
    throw error;
  } finally {
    await pool.close();
  }
}

/** The work, in the order in which it is written; text comes before the conversations that need its rows. */
function unitsOf(settings: CorpusSettings): Unit[] {
  const units: Unit[] = [{ kind: 'text' }];
  const cut = (count: number, make: (start: number, end: number) => Unit): void => {
    for (let start = 0; start < count; start += unitSize) units.push(make(start, Math.min(count, start + unitSize)));
  };
  cut(settings.captions, (start, end) => ({ kind: 'captions', start, end }));
  const tasks = {
    'open-vqa': 'openVqa',
    existence: 'existence',
    grounding: 'grounding',
    captioning: 'captioning',
    relations: 'relations',
    reading: 'reading',
    counting: 'counting',
    'cluttered-grounding': 'clutteredGrounding',
  } as const;
  const splits = { 'new-scene': 'newScene', 'new-vendor': 'newVendor', 'new-concept': 'newConcept' } as const;
  for (const task of Object.keys(tasks) as VisionTask[])
    for (const split of Object.keys(splits) as (keyof typeof splits)[])
      cut(settings.evals[splits[split]][tasks[task]], (start, end) => ({ kind: 'vision', task, split, start, end }));
  cut(settings.conversations.scenes, (start, end) => ({ kind: 'conversations', start, end }));
  return units;
}

/** Results in the order of the units, some units ahead of the writer but not all: memory stays bounded. */
async function* inOrder(
  pool: Pool,
  units: readonly Unit[],
  threads: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<[Unit, UnitResult]> {
  const ahead = threads * 8 + 8;
  const running: Promise<UnitResult>[] = [];
  const start = (i: number): void => {
    const result = pool.run(units[i]!);
    result.catch(() => undefined);
    running.push(result);
  };
  for (let i = 0; i < units.length; i++) {
    while (running.length < Math.min(units.length, i + ahead)) start(running.length);
    throwIfAborted(signal);
    yield [units[i]!, await abortable(running[i]!, signal)];
  }
}

/** A promise that also ends when the signal fires. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      try {
        throwIfAborted(signal);
      } catch (error) {
        reject(error);
      }
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

interface Sums {
  tokens: Record<string, number>;
  items: Record<string, number>;
  text: NonNullable<UnitResult['text']>;
}

function addUp(sums: Sums, result: UnitResult): void {
  for (const [key, n] of Object.entries(result.tokens)) sums.tokens[key] = (sums.tokens[key] ?? 0) + n;
  for (const [key, n] of Object.entries(result.tally)) sums.items[key] = (sums.items[key] ?? 0) + n;
  if (result.text) sums.text = result.text;
}

function describe(
  settings: CorpusSettings,
  packages: Record<string, string>,
  hash: string,
  world: WorldData,
  shards: Record<string, ShardEntry[]>,
  sums: Sums,
): CorpusManifest {
  const trained = world.concepts.slice(0, world.trainConcepts);
  const sorted = (counts: Record<string, number>): Record<string, number> =>
    Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
  const forms = Object.keys(phrasings) as Form[];
  return {
    format: 'staged-vlm-corpus',
    version: corpusVersion,
    hash,
    settings,
    packages,
    shards,
    counts: {
      samples: Object.fromEntries(
        Object.entries(shards).map(([group, list]) => [group, list.reduce((sum, shard) => sum + shard.samples, 0)]),
      ),
      bytes: Object.values(shards)
        .flat()
        .reduce((sum, shard) => sum + shard.bytes, 0),
      tokens: sorted(sums.tokens),
      items: sorted(sums.items),
      text: sums.text,
    },
    vocabulary: {
      concepts: trained.map((concept) => concept.label),
      heldOutConcepts: world.concepts.slice(world.trainConcepts).map((concept) => concept.label),
      categories: [...new Set(trained.map((concept) => concept.category))].filter((kind) => kind !== noCategory).sort(),
      colours: [...colourNames, mixedColour],
      backgrounds: [...backgroundNames],
    },
    splits: {
      vendors: {
        train: vendors.filter((vendor) => vendor.role === 'train').map((vendor) => vendor.id),
        newVendor: world.heldOutVendor,
      },
      concepts:
        'eight tenths of every emojibase subgroup train, one tenth validates, one tests, dealt by a hash of the emoji',
      documents:
        'by a hash of the document; training documents that share 13 words in a row with a held-out one are dropped',
      phrasings: {
        seen: Object.fromEntries(forms.map((form) => [form, [...seenPhrasings(form)]])),
        heldOut: Object.fromEntries(forms.map((form) => [form, heldOutPhrasing(form)])),
      },
    },
    licences: licences(settings),
    notes: [
      'Pictures are icon art on plain or lightly textured grounds: absolute scores do not transfer to photographs.',
      `The hue of ${Math.round(settings.recolouredShare * 100)} % of the objects with a clear hue was turned, so that colour does not follow from the concept; they carry "recoloured": true and the colour measured afterwards.`,
      'Answers of evaluation items are dealt out evenly by type before scenes are made; existence questions come in pairs with the same words and opposite answers.',
    ],
  };
}
