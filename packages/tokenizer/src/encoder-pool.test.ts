import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { createTokenizer } from './create-tokenizer.ts';
import { createEncoderPool } from './encoder-pool.ts';
import { sampleTexts, thrownBy } from './testing/sample-text.ts';
import { trainBpe } from './train-bpe.ts';

const data = trainBpe(sampleTexts(200), { vocabSize: 350 });
const tokenizer = createTokenizer(data);
const texts = sampleTexts(8000, 3); // about 900,000 characters, four slices
const threads = createEncoderPool(data, { workers: 2 });
afterAll(() => threads.dispose());

describe('a pool of encoders', () => {
  it('gives what encode gives, in order, from threads', async () => {
    const batch = [...texts, '', texts[0]!.repeat(3000)];
    const ids = await threads.encodeBatch(batch);
    expect(ids).toHaveLength(batch.length);
    for (const [i, text] of batch.entries())
      if (i % 97 === 0 || i >= texts.length) expect(ids[i]).toEqual(tokenizer.encode(text));
    const all = await Promise.all([threads.encodeBatch(texts), threads.encodeBatch(texts.slice().reverse())]);
    expect(all[1]).toEqual(all[0].slice().reverse());
  });

  it('encodes small batches where they are', async () => {
    const pool = createEncoderPool(data, { workers: 1 });
    const few = texts.slice(0, 50);
    expect(await pool.encodeBatch(few)).toEqual(few.map((text) => tokenizer.encode(text)));
    expect(await pool.encodeBatch([])).toEqual([]);
    await pool.dispose();
  });

  it.each([
    ['threads', 0],
    ['place', Number.POSITIVE_INFINITY],
  ])('names the first text at fault (in %s) and goes on', async (_, inlineBelow) => {
    const pool = createEncoderPool(data, { workers: 2, inlineBelow });
    const broken = [...texts];
    broken[5000] = 'a\ud800';
    broken[7999] = '\udc00';
    await expect(pool.encodeBatch(broken)).rejects.toMatchObject({
      code: 'invalid-text',
      message: expect.stringMatching(/^Text 5000 of 8000: .*lone surrogate \(\\ud800\) at index 1/),
    });
    expect(await pool.encodeBatch(['a'])).toEqual([tokenizer.encode('a')]);
    await pool.dispose();
  });

  it('a text that is none is an error, too', async () => {
    await expect(threads.encodeBatch(['a', 7 as never])).rejects.toMatchObject({ code: 'invalid-text' });
  });

  it('fails what is under way when it is disposed, and everything after', async () => {
    const pool = createEncoderPool(data, { workers: 1 });
    const pending = pool.encodeBatch(texts);
    const failed = expect(pending).rejects.toMatchObject({ code: 'worker-failed' });
    await pool.dispose();
    await failed;
    await expect(pool.encodeBatch(['a'])).rejects.toMatchObject({ code: 'worker-failed' });
    await pool.dispose();
  });

  it('does not keep the process alive, threads without work included', () => {
    const module = JSON.stringify(new URL('./index.ts', import.meta.url).href);
    const code = `import { createEncoderPool, stockEncoding } from ${module};
      const pool = createEncoderPool(stockEncoding('gpt2'), { workers: 2, inlineBelow: 0 });
      const [ids] = await pool.encodeBatch(['hello world']);
      process.stdout.write(ids.join());`;
    const { status, stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '31373,995' });
  });

  it.each([{ workers: 0 }, { workers: 1.5 }, { inlineBelow: -1 }, { inlineBelow: Number.NaN }])(
    'refuses %j',
    (options) => {
      expect(thrownBy(() => createEncoderPool(data, options)).code).toBe('invalid-argument');
      expect(thrownBy(() => createEncoderPool({ ...data, ranks: [] })).code).toBe('invalid-data');
    },
  );
});
