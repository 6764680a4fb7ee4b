import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bench, describe } from 'vitest';
import { createTokenizer } from './create-tokenizer.ts';
import { encodeConversation } from './encode-conversation.ts';
import { stockEncoding } from './stock-encodings.ts';
import { trainBpe } from './train-bpe.ts';

/** Text with prose in it that every checkout has: Node's type declarations. */
const folder = dirname(createRequire(import.meta.url).resolve('@types/node/package.json'));
const texts = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.d.ts'))
  .sort()
  .map((name) => readFileSync(join(folder, name), 'utf8'));
const megabytes = (texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6).toFixed(1);
const once = { iterations: 3, time: 0, warmupIterations: 1, warmupTime: 0 };

describe(`train on ${megabytes} MB`, () => {
  for (const vocabSize of [2048, 8192])
    bench(
      `vocabulary of ${vocabSize}`,
      () => {
        trainBpe(texts, { vocabSize });
      },
      once,
    );
});

describe(`encode ${megabytes} MB`, () => {
  const own = createTokenizer(trainBpe(texts, { vocabSize: 2048 }));
  const gpt2 = createTokenizer(stockEncoding('gpt2'));
  for (const [name, tokenizer] of [
    ['own, 2048', own],
    ['gpt2', gpt2],
  ] as const)
    bench(
      name,
      () => {
        for (const text of texts) tokenizer.encode(text);
      },
      once,
    );
  const ids = texts.map((text) => own.encode(text));
  bench(
    'decode, own',
    () => {
      for (const each of ids) own.decode(each);
    },
    once,
  );
  bench('a conversation of four turns', () => {
    encodeConversation(
      own,
      [
        { from: 'human', value: '<image>\nWhat is this?' },
        { from: 'gpt', value: 'A red cat.' },
        { from: 'human', value: 'What is behind it?' },
        { from: 'gpt', value: 'A yellow umbrella.' },
      ],
      { patches: 16 },
    );
  });
});
