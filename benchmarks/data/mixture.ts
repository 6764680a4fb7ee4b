import { createMixture, type MixtureSource } from '@vlm/mixture-sampler';
import { createRandom, type Random } from '@vlm/model';
import { alternate, median } from './median.ts';
import { mixingRules } from './mixture-rules.ts';
import { type BenchRow, costRow } from './row.ts';

/** The stream of the comparison: three sources of a pre-training mix, shares of tokens, log-normal lengths cut at 4,096. */
const sources = [
  { name: 'text', share: 0.8, median: 400, spread: 1.1 },
  { name: 'conversations', share: 0.15, median: 160, spread: 0.7 },
  { name: 'captions', share: 0.05, median: 30, spread: 0.4 },
] as const;
const longest = 4096;
type Lengths = (source: number) => () => number;

/** Seeds of the random rules; figures are medians over them. */
const seeds = [1, 2, 3, 4, 5, 6, 7];

/** Distance from the targets over one run. */
export interface Deviation {
  name: string;
  /** What decides whose turn it is. */
  how: string;
  /** Largest |target − delivered| of any source so far, in tokens, at each of {@link checkpoints}. */
  worst: number[];
  /** The same at the end of a run over rows of equal length (packed ones), in rows. */
  worstRows: number;
  /** Captions' part of all tokens at the end, when the wanted shares are given to the rule as they are. */
  captionsAsWritten: number;
}

/** Totals of tokens at which deviations are noted, up to 20 M. */
export const checkpoints: number[] = Array.from({ length: 33 }, (_, i) => Math.round(10_000 * 2000 ** (i / 32)));
const rows = [100_000];

/** Ours and every peer's rule on the same items. */
export async function mixtureDeviations(): Promise<Deviation[]> {
  const means = sources.map((_, i) => meanLength(i));
  const shares = sources.map(({ share }) => share);
  // The best a rule that counts samples can be given: shares divided by the true mean length of a source's items.
  const informed = shares.map((share, i) => share / means[i]!);
  const peers = mixingRules.map((rule): Deviation => {
    const run = (weights: readonly number[], lengths: Lengths, at: readonly number[]) =>
      seeds.map((seed) => {
        const choose = rule.choose(weights, createRandom(`${rule.name} ${seed}`));
        return follow(() => choose.next().value, lengths, at);
      });
    const unequal = run(informed, lengthsOf, checkpoints);
    const asWritten = run(shares, lengthsOf, checkpoints);
    return {
      name: rule.name,
      how: rule.how,
      worst: checkpoints.map((_, k) => median(unequal.map(({ worst }) => worst[k]!))),
      worstRows: median(run(shares, oneRow, rows).map(({ worst }) => worst[0]!)),
      captionsAsWritten: median(asWritten.map(({ delivered }) => delivered[2]! / total(delivered))),
    };
  });
  return [await exactDeviation(), ...peers];
}

/** `npm run bench -- data --only mixture` */
export async function mixtureBenchmark(): Promise<BenchRow[]> {
  const [ours, ...peers] = await mixtureDeviations();
  return [
    ...peers.map(({ name, how, worst, captionsAsWritten }) =>
      costRow({
        name: `largest distance from a target, 20 M tokens: ${name}`,
        ours: ours!.worst.at(-1)!,
        theirs: worst.at(-1)!,
        unit: 'tokens',
        note: `its rule in our words, told the true mean lengths: ${how}. Given the shares as they are: ${(100 * captionsAsWritten).toFixed(2)} % captions for 5`,
      }),
    ),
    ...peers.map(({ name, worstRows }) =>
      costRow({
        name: `the same, 100,000 rows of equal length: ${name}`,
        ours: ours!.worstRows,
        theirs: worstRows,
        unit: 'rows',
        note: '',
      }),
    ),
    ...(await overheadRows()),
  ];
}

/** Time of a step beside reading the same sources in turn without a mixture. */
async function overheadRows(): Promise<BenchRow[]> {
  const found: BenchRow[] = [];
  for (const count of [2, 10, 100]) {
    const endless = Array.from({ length: count }, (_, i) => endlessSource(`s${i}`, i + 1));
    const items = 20_000;
    const seconds = await alternate({
      mixed: async () => {
        const mixture = createMixture({ sources: endless });
        for (let i = 0; i < items; i++) await mixture.next();
      },
      bare: async () => {
        const readers = await Promise.all(endless.map((source) => source.open()));
        for (let i = 0; i < items; i++) await readers[i % count]!.next();
      },
    });
    found.push(
      costRow({
        name: `a step with ${count} sources`,
        ours: (1e6 * seconds.mixed) / items,
        theirs: (1e6 * seconds.bare) / items,
        unit: 'µs/item',
        note: 'theirs: the same sources read in turn without a mixture, the floor',
      }),
    );
  }
  return found;
}

function endlessSource(name: string, weight: number): MixtureSource<number> {
  return {
    name,
    weight,
    open: () => {
      let n = 0;
      return { next: async () => ({ done: false, value: n++ }), state: () => ({ n }) };
    },
    cost: (n) => 1 + (n % 97),
    whenExhausted: 'repeat',
  };
}

async function exactDeviation(): Promise<Deviation> {
  const run = async (lengths: Lengths, at: readonly number[]) => {
    const next = sources.map((_, i) => lengths(i));
    const mixture = createMixture({
      sources: sources.map(({ name, share }, i) => ({
        name,
        weight: share,
        open: () => ({ next: async () => ({ done: false as const, value: next[i]!() }), state: () => null }),
        cost: (length: number) => length,
        whenExhausted: 'repeat' as const,
      })),
    });
    const meter = createMeter(at);
    while (!meter.done()) {
      const { value } = await mixture.next();
      const source = sources.findIndex(({ name }) => name === value!.source);
      meter.add(source, value!.cost);
    }
    return meter;
  };
  const { worst, delivered } = await run(lengthsOf, checkpoints);
  return {
    name: '@vlm/mixture-sampler',
    how: 'earliest deadline among those that are due, by cost',
    worst,
    worstRows: (await run(oneRow, rows)).worst[0]!,
    captionsAsWritten: delivered[2]! / total(delivered),
  };
}

/** Runs a rule over the stream until the last checkpoint. */
function follow(choose: () => number, lengths: Lengths, at: readonly number[]): Meter {
  const next = sources.map((_, i) => lengths(i));
  const meter = createMeter(at);
  while (!meter.done()) {
    const source = choose();
    meter.add(source, next[source]!());
  }
  return meter;
}

interface Meter {
  delivered: number[];
  worst: number[];
  done(): boolean;
  add(source: number, cost: number): void;
}

function createMeter(at: readonly number[]): Meter {
  const delivered = sources.map(() => 0);
  const worst: number[] = [];
  let all = 0;
  let far = 0;
  return {
    delivered,
    worst,
    done: () => worst.length === at.length,
    add(source, cost) {
      delivered[source]! += cost;
      all += cost;
      for (const [i, { share }] of sources.entries()) far = Math.max(far, Math.abs(share * all - delivered[i]!));
      while (worst.length < at.length && all >= at[worst.length]!) worst.push(far);
    },
  };
}

/** Lengths of a source's items, the same every time. */
function lengthsOf(source: number): () => number {
  const { name, median: middle, spread } = sources[source]!;
  const random = createRandom(`lengths of ${name}`);
  return () => Math.min(longest, Math.max(1, Math.round(middle * Math.exp(spread * normal(random)))));
}

function oneRow(): () => number {
  return () => 1;
}

function meanLength(source: number): number {
  const next = lengthsOf(source);
  let sum = 0;
  for (let n = 0; n < 200_000; n++) sum += next();
  return sum / 200_000;
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
