import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createEncoderPool, createTokenizer, stockEncoding, type Tokenizer, trainBpe } from '@vlm/tokenizer';
import { Tiktoken } from 'tiktoken/lite';
import { alternate } from './median.ts';
import { pythonTiktoken } from './python-tiktoken.ts';
import { type BenchRow, rateRow } from './row.ts';

/** Encoding, decoding and training beside tiktoken in Node, and in Python where a `python3` on the path has it. */
export async function tokensBenchmark(): Promise<BenchRow[]> {
  const texts = declarations();
  const megabytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
  const size = `${megabytes.toFixed(1)} MB of TypeScript declarations`;
  const rows: BenchRow[] = [];
  for (const name of ['gpt2', 'cl100k_base'] as const) {
    const data = stockEncoding(name);
    const tokenizer = createTokenizer(data);
    const peer = stockTiktoken(name);
    const rounds = 5;
    const fresh = Array.from({ length: rounds + 1 }, () => createTokenizer(data)); // words still to learn
    const seconds = await alternate(
      {
        ours: () => encodeAll(tokenizer, texts),
        theirs: () => {
          for (const text of texts) peer.encode_ordinary(text);
        },
        fresh: () => encodeAll(fresh.pop()!, texts),
      },
      rounds,
    );
    const ours = megabytes / seconds.ours;
    const python = pythonTiktoken(data, texts);
    rows.push(
      rateRow({
        name: `encode ${size}, ${name}, one thread`,
        ours,
        theirs: megabytes / seconds.theirs,
        unit: 'MB/s',
        note: 'npm tiktoken 1.0.22',
      }),
      rateRow({
        name: `encode ${size}, ${name}, one thread, Python`,
        ours,
        theirs: python && megabytes / python.seconds,
        unit: 'MB/s',
        note: python
          ? `Python tiktoken ${python.version}, encode_ordinary`
          : 'no python3 with tiktoken on this machine',
      }),
      rateRow({
        name: `encode it for the first time, ${name}, every word still to learn`,
        ours: megabytes / seconds.fresh,
        theirs: python && megabytes / python.seconds,
        unit: 'MB/s',
        note: python ? `Python tiktoken ${python.version}` : '',
      }),
    );
    if (name === 'gpt2') rows.push(...(await batchRows(tokenizer, texts, megabytes)));
    peer.free();
    tokenizer.dispose();
  }
  for (const vocabSize of [2048, 8192]) {
    const seconds = await alternate({ ours: () => trainBpe(texts, { vocabSize }) }, 3);
    rows.push(
      rateRow({
        name: `train ${vocabSize} ids on ${size}`,
        ours: megabytes / seconds.ours,
        theirs: null,
        unit: 'MB/s',
        note: 'tiktoken trains for teaching only',
      }),
    );
  }
  return rows;
}

async function batchRows(tokenizer: Tokenizer, texts: readonly string[], megabytes: number): Promise<BenchRow[]> {
  const batch = Array.from({ length: 8 }, () => texts).flat();
  const ids = batch.map((text) => tokenizer.encode(text));
  const pool = createEncoderPool(tokenizer.data);
  const seconds = await alternate({
    pool: () => pool.encodeBatch(batch),
    alone: () => encodeAll(tokenizer, batch),
    decode: () => {
      for (const each of ids) tokenizer.decode(each);
    },
  });
  await pool.dispose();
  const rate = (time: number): number => (8 * megabytes) / time;
  return [
    rateRow({
      name: `encode a batch of ${(8 * megabytes).toFixed(0)} MB, gpt2, a thread per core`,
      ours: rate(seconds.pool),
      theirs: rate(seconds.alone),
      unit: 'MB/s',
      note: 'theirs: our own encode on one thread',
    }),
    rateRow({ name: 'decode, gpt2', ours: rate(seconds.decode), theirs: null, unit: 'MB/s', note: '' }),
  ];
}

function encodeAll(tokenizer: Tokenizer, texts: readonly string[]): void {
  for (const text of texts) tokenizer.encode(text);
}

function stockTiktoken(name: string): Tiktoken {
  const stock = createRequire(import.meta.url)(`tiktoken/encoders/${name}.json`) as Record<string, string>;
  return new Tiktoken(stock['bpe_ranks']!, {}, stock['pat_str']!);
}

/** Text with prose in it that every checkout has: Node's type declarations. */
function declarations(): string[] {
  const folder = dirname(createRequire(import.meta.url).resolve('@types/node/package.json'));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.d.ts'))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}
