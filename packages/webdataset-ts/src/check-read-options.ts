import { checkFields } from './check-fields.ts';
import { WebDatasetError } from './errors.ts';
import { defaultReadLimits, type ReadLimits } from './limits.ts';
import type { ReadShardsOptions, ShardPosition } from './read-shards.ts';
import { splitShards } from './split-shards.ts';

const readFields: Record<keyof ReadShardsOptions, true> = {
  shuffleShards: true,
  shuffleSamples: true,
  epoch: true,
  state: true,
  onBroken: true,
  compatible: true,
  split: true,
  regroup: true,
  format: true,
  limits: true,
  source: true,
};

/** @throws WebDatasetError `invalid-argument` for options that cannot be used */
export function checkReadOptions(options: ReadShardsOptions): void {
  checkFields('readShards', options, readFields);
  const { onBroken, epoch, shuffleSamples, shuffleShards, regroup, split, format, compatible = false } = options;
  if (onBroken !== undefined && onBroken !== 'error' && typeof onBroken !== 'function') {
    throw new WebDatasetError(
      'invalid-argument',
      `onBroken: expected "error" or a function, got ${JSON.stringify(onBroken)}`,
    );
  }
  if (epoch !== undefined && (!Number.isSafeInteger(epoch) || epoch < 0)) {
    throw new WebDatasetError('invalid-argument', `epoch: expected a whole number from 0, got ${epoch}`);
  }
  for (const [name, given] of Object.entries({ shuffleSamples, shuffleShards })) {
    if (given === undefined) continue;
    if ('buffer' in given || 'compatible' in given) checkCompatibleShuffle(name, given);
    else checkShuffle(name, given, name === 'shuffleSamples' ? { seed: true, window: true } : { seed: true });
  }
  if (compatible !== true && compatible !== false && compatible !== 'openlm')
    throw new WebDatasetError(
      'invalid-argument',
      `compatible: expected true, false or "openlm", got ${JSON.stringify(compatible)}`,
    );
  if (compatible === 'openlm' && regroup !== undefined)
    throw new WebDatasetError('invalid-argument', 'regroup: OpenLM takes neighbours only; leave one of the two away');
  if (regroup !== undefined) checkFields('readShards: regroup', regroup, { window: true });
  for (const [name, given] of Object.entries({ shuffleSamples, regroup })) {
    if (given !== undefined && !('buffer' in given) && (!Number.isSafeInteger(given.window) || given.window < 1))
      throw new WebDatasetError(
        'invalid-argument',
        `${name}.window: expected a whole number from 1, got ${given.window}`,
      );
  }
  if (split !== undefined) {
    checkFields('readShards: split', split, { index: true, count: true });
    splitShards([], split.index, split.count);
  }
  if (format !== undefined && format !== 'tar' && format !== 'jsonl') {
    throw new WebDatasetError('invalid-argument', `format: expected "tar" or "jsonl", got ${JSON.stringify(format)}`);
  }
}

/** A seed that is left out or misspelt would be the text "undefined": an order, and the same one for all who do so. */
function checkShuffle(name: string, given: object, fields: Record<string, true>): void {
  checkFields(`readShards: ${name}`, given, fields);
  const { seed } = given as { seed?: unknown };
  if (typeof seed === 'string' || Number.isSafeInteger(seed)) return;
  throw new WebDatasetError(
    'invalid-argument',
    `${name}.seed: expected a whole number or a string, got ${typeof seed === 'number' ? seed : JSON.stringify(seed)}`,
  );
}

function checkCompatibleShuffle(name: string, given: object): void {
  const fields = { seed: true, buffer: true, initial: true, compatible: true, window: true } as const;
  checkFields(`readShards: ${name}`, given, fields);
  const { seed, buffer, initial, compatible, window } = given as Record<string, unknown>;
  const expect = (right: boolean, what: string, got: unknown): void => {
    if (right) return;
    throw new WebDatasetError('invalid-argument', `${name}.${what}, got ${JSON.stringify(got)}`);
  };
  expect(Number.isSafeInteger(seed), 'seed: webdataset takes a whole number', seed);
  expect(window === undefined, 'window: expected a window or a buffer, not both', window);
  if (compatible !== undefined)
    expect(
      compatible === 'SimpleShardList' && name === 'shuffleShards' && buffer === undefined,
      'compatible: expected "SimpleShardList", of shards, without a buffer',
      compatible,
    );
  else
    expect(Number.isSafeInteger(buffer) && (buffer as number) >= 1, 'buffer: expected a whole number from 1', buffer);
  const right = initial === undefined || (Number.isSafeInteger(initial) && (initial as number) >= 1);
  expect(right, 'initial: expected a whole number from 1', initial);
}

/** The limits in force: given ones over the defaults. */
export function checkedLimits(given: Partial<ReadLimits> = {}): ReadLimits {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in defaultReadLimits)) {
      throw new WebDatasetError(
        'invalid-argument',
        `limits: expected one of ${Object.keys(defaultReadLimits).join(', ')}, got ${JSON.stringify(name)}`,
      );
    }
    if (!(value > 0))
      throw new WebDatasetError('invalid-argument', `limits.${name}: expected a positive number, got ${value}`);
  }
  return { ...defaultReadLimits, ...given };
}

/** A saved position, if it fits the shards it is used with. */
export function checkedState(
  state: ShardPosition,
  epoch: number,
  shards: number,
  { list, paths }: Required<Pick<ShardPosition, 'list' | 'paths'>>,
): ShardPosition {
  for (const name of ['epoch', 'shard', 'sample', 'offset'] as const) {
    if (!Number.isSafeInteger(state[name]) || state[name] < 0) {
      throw new WebDatasetError(
        'invalid-state',
        `state.${name}: expected a whole number from 0, got ${state[name]}; was it made by state() of a shard reader?`,
      );
    }
  }
  if (state.taken !== undefined && (!Number.isSafeInteger(state.taken) || state.taken < 0)) {
    throw new WebDatasetError('invalid-state', `state.taken: expected a whole number from 0, got ${state.taken}`);
  }
  const { scattered = [], buffer } = state;
  if (buffer !== undefined) {
    for (const name of ['returned', 'pulled', 'oldest'] as const) {
      if (!Number.isSafeInteger(buffer?.[name]) || buffer[name] < 0)
        throw new WebDatasetError('invalid-state', `state.buffer.${name}: expected a whole number from 0`);
    }
  }
  if (!Array.isArray(scattered) || !scattered.every((pair) => Array.isArray(pair) && pair.length === 2)) {
    throw new WebDatasetError('invalid-state', 'state.scattered: expected pairs of key and number');
  }
  if (state.epoch !== epoch)
    throw new WebDatasetError(
      'invalid-state',
      `state is of epoch ${state.epoch}, the option says ${epoch}; leave the option away`,
    );
  if (state.shard > shards)
    throw new WebDatasetError('invalid-state', `state is at shard ${state.shard}, but the list has only ${shards}`);
  const isOther =
    (state.list !== undefined && state.list !== list) || (state.paths !== undefined && state.paths !== paths);
  if (isOther) {
    throw new WebDatasetError(
      'invalid-state',
      'state was taken with other shards or another seed; open the same list in the same order',
    );
  }
  return state;
}

/** Over file names and what makes the order. */
export function fingerprint(shards: readonly string[], order: string): string {
  return hashOf([...shards.map((shard) => shard.slice(shard.lastIndexOf('/') + 1)), order]);
}

/** Over the paths below the folder that all shards share: it may move, but names alone are often the same in every folder. */
export function pathsFingerprint(shards: readonly string[]): string {
  const folders = shards.map((shard) => shard.split('/').slice(0, -1));
  const [first = []] = folders;
  let shared = 0;
  while (shared < first.length && folders.every((folder) => folder[shared] === first[shared])) shared++;
  return hashOf(shards.map((shard) => shard.split('/').slice(shared).join('/')));
}

/** FNV-1a. */
function hashOf(texts: readonly string[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const text of texts) {
    for (const byte of Buffer.from(`${text}\n`)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}
