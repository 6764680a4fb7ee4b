import { type ProblemPlace, WebDatasetError, type WebDatasetErrorCode } from './errors.ts';
import type { ReadLimits } from './limits.ts';
import type { TarMember } from './tar-reader.ts';

/** One sample: its key, where it came from, and its members. */
export interface Sample {
  /** Directory and base name up to the first dot; unique within its shard only. Of a text shard: the number of the line, nine digits or more. */
  key: string;
  /** The shard's path or address. */
  shard: string;
  /** Number of the sample in its shard, from 0. */
  index: number;
  /** Bytes by lower-case suffix. */
  members: Record<string, Uint8Array>;
}

/** Where a reader of one shard can begin. */
export interface SamplePosition {
  /** Number of the next sample. */
  sample: number;
  /** Offset of its first header (or its line) in the uncompressed shard. */
  offset: number;
  /** Samples handed out before, some of whose members lie behind `offset`: key and number. */
  scattered?: readonly (readonly [key: string, index: number])[];
}

/** What comes out of one shard, in order. */
export type ShardEvent =
  /** A whole sample; `next` is where the following one begins, `undefined` when this was the shard's last. */
  | { kind: 'sample'; sample: Sample; next: SamplePosition | undefined }
  /** A fault; `whole` when nothing more comes from this shard. */
  | { kind: 'problem'; problem: WebDatasetError; whole: boolean }
  /** A sample that is not handed out, for the reason of the problem before. */
  | { kind: 'dropped' }
  /** A member that belongs to no sample. */
  | { kind: 'ignored' }
  /** A sample whose members were not next to each other. */
  | { kind: 'regrouped' };

interface Group {
  key: string;
  index: number;
  offset: number;
  /** Offset of its last member. */
  last: number;
  members: Record<string, Uint8Array>;
  count: number;
  bytes: number;
  broken: boolean;
  wanted: boolean;
  regrouped: boolean;
}

const notKept = new Uint8Array(0);

/** What {@link SampleGroups} needs to know. */
export interface GroupOptions {
  limits: ReadLimits;
  /** `openlm`: a second member of one suffix begins another sample of that key. */
  compatible: boolean | 'openlm';
  /** How many samples may be open at once: 1 asks that the members of a sample are neighbours. */
  window: number;
  from: SamplePosition;
  /** False for samples that another reader hands out. */
  wanted?: ((index: number) => boolean) | undefined;
}

/**
 * Collects members into samples. A sample takes members until `window` further keys have begun, then it is handed out: what comes
 * later under its key is a fault. That rule depends on the order of members alone, so that reading can go on at any sample.
 */
export class SampleGroups {
  /** What happened since the caller emptied it. */
  events: ShardEvent[] = [];
  readonly #shard: string;
  readonly #options: GroupOptions;
  /** Open samples, oldest first. */
  readonly #open = new Map<string, Group>();
  readonly #seen = new Set<string>();
  /** Handed out, with members that may lie behind the oldest open sample. */
  #scattered: { key: string; index: number; last: number }[];
  #current: Group | undefined;
  #nextIndex: number;

  constructor(shard: string, options: GroupOptions) {
    this.#shard = shard;
    this.#options = options;
    this.#nextIndex = options.from.sample;
    this.#scattered = (options.from.scattered ?? []).map(([key, index]) => ({
      key,
      index,
      last: options.from.offset,
    }));
    for (const { key } of this.#scattered) this.#seen.add(key);
  }

  /** Key of the sample that the last member belongs to. */
  get currentKey(): string | undefined {
    return this.#current?.key;
  }

  /**
   * Finds the sample of a member.
   *
   * @returns puts the member's bytes into its sample; `undefined` when they are not wanted
   * @throws WebDatasetError `limit`
   */
  place(member: TarMember, key: string, suffix: string): ((data: Uint8Array) => void) | undefined {
    const { limits } = this.#options;
    const { name, offset, size } = member;
    const group = this.#groupOf(key, suffix, member);
    if (group === undefined) return undefined;
    if (!group.wanted) {
      group.members[suffix] = notKept;
      return undefined;
    }
    if (member.problem !== undefined) {
      this.#fault(group, member.problem.code, member.problem.message, { offset, key, member: name });
      return undefined;
    }
    if (suffix in group.members) {
      const message = `sample ${JSON.stringify(key)} has two members ".${suffix}" (suffixes are lower-cased); keep one`;
      this.#fault(group, 'duplicate-member', message, { offset, key, member: name });
      return undefined;
    }
    group.count++;
    group.bytes += size;
    if (group.count > limits.maxMembersPerSample || group.bytes > limits.maxSampleBytes) {
      throw new WebDatasetError(
        'limit',
        `sample ${JSON.stringify(key)}: expected at most ${limits.maxMembersPerSample} members and ${limits.maxSampleBytes} bytes (limits.maxMembersPerSample, limits.maxSampleBytes), got ${group.count} and ${group.bytes}`,
        { offset, key, member: name },
      );
    }
    return (data) => {
      if (!group.broken) group.members[suffix] = data;
    };
  }

  /** A fault of a member that belongs to no sample. */
  faultOfShard(code: WebDatasetErrorCode, message: string, offset: number): void {
    const problem = new WebDatasetError(code, message, { shard: this.#shard, offset });
    this.events.push({ kind: 'problem', whole: false, problem });
  }

  /** Hands out what is still open: the shard is over. */
  end(): void {
    while (this.#open.size > 0) this.#close();
  }

  #groupOf(key: string, suffix: string, { name, offset }: TarMember): Group | undefined {
    if (this.#current?.key === key) {
      if (this.#options.compatible === 'openlm' && suffix in this.#current.members)
        this.#current = this.#begin(key, name, offset);
      this.#current.last = offset;
      return this.#current;
    }
    let group = this.#open.get(key);
    if (group !== undefined) {
      if (!group.regrouped) this.events.push({ kind: 'regrouped' });
      group.regrouped = true;
      group.last = offset;
    } else {
      const handedOut = this.#scattered.find((sample) => sample.key === key);
      if (handedOut !== undefined && this.#nextIndex <= handedOut.index + this.#options.window) {
        handedOut.last = offset;
        return undefined;
      }
      group = this.#begin(key, name, offset);
    }
    this.#current = group;
    return group;
  }

  #begin(key: string, name: string, offset: number): Group {
    const { limits, compatible, window, wanted } = this.#options;
    const index = this.#nextIndex++;
    if (this.#open.size === window) this.#close({ sample: index, offset });
    const group: Group = {
      key,
      index,
      offset,
      last: offset,
      members: Object.create(null),
      count: 0,
      bytes: 0,
      broken: false,
      wanted: wanted?.(index) ?? true,
      regrouped: false,
    };
    this.#open.set(key, group);
    if (compatible) return group;
    if (this.#seen.has(key)) {
      const remedy =
        window === 1
          ? 'sort the archive by name, or give regroup'
          : 'sort the archive by name, or raise regroup.window';
      const message = `key ${JSON.stringify(key)} comes back after other keys, so its sample is torn apart; ${remedy}`;
      this.#fault(group, 'duplicate-key', message, { offset, key, member: name });
    }
    this.#seen.add(key);
    if (this.#seen.size > limits.maxKeysPerShard) {
      const message = `expected at most ${limits.maxKeysPerShard} samples (limits.maxKeysPerShard); raise the limit if you trust the shard`;
      throw new WebDatasetError('limit', message, { offset });
    }
    return group;
  }

  #fault(group: Group, code: WebDatasetErrorCode, message: string, place: ProblemPlace): void {
    group.broken = true;
    if (!group.wanted) return;
    const problem = new WebDatasetError(code, message, { shard: this.#shard, ...place });
    this.events.push({ kind: 'problem', whole: false, problem });
  }

  /** Closes the oldest sample; `following` is the one that is about to begin, if any. */
  #close(following?: SamplePosition): void {
    const [group] = this.#open.values();
    const { key, index, members, broken, wanted, last } = group!;
    this.#open.delete(key);
    let next = following;
    if (this.#options.window > 1) {
      const [oldest] = this.#open.values();
      if (oldest !== undefined) next = { sample: oldest.index, offset: oldest.offset };
      if (next !== undefined) {
        const { offset } = next;
        this.#scattered = [...this.#scattered, { key, index, last }].filter((sample) => sample.last > offset);
        if (this.#scattered.length > 0) next = { ...next, scattered: this.#scattered.map((s) => [s.key, s.index]) };
      }
    }
    if (broken) this.#push(wanted, { kind: 'dropped' });
    else this.#push(wanted, { kind: 'sample', sample: { key, shard: this.#shard, index, members }, next });
  }

  #push(wanted: boolean, event: ShardEvent): void {
    if (wanted) this.events.push(event);
  }
}
