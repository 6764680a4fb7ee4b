import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { decoderParams } from './decoder.ts';
import { decoderConfig } from './decoder-config.ts';
import { readHuggingFace, writeHuggingFace } from './hugging-face.ts';
import { initParameters } from './init.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const fixtures = fileURLToPath(new URL('../fixtures/hugging-face', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'hugging-face-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const here = join(scratch, 'model');
beforeEach(() => rmSync(here, { recursive: true, force: true }));

const floats = (bytes: Uint8Array) =>
  Object.fromEntries(
    [...readSafetensors(bytes).tensors].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }]),
  );

it('writes trained weights in the layout of the files that were read, rounded as they are', async () => {
  const model = await readHuggingFace(join(fixtures, 'llama-sharded-bf16'));
  const name = 'model.norm.weight';
  const params = { ...model.params, [name]: model.params[name]!.map((x) => 1.5 * x) };
  await writeHuggingFace(here, { ...model, params });
  const again = await readHuggingFace(here);
  expect(again.layout).toEqual(model.layout);
  const changed = Object.keys(params).filter((key) => String(again.params[key]) !== String(model.params[key]));
  expect(changed).toEqual([name]);
  const errors = again.params[name]!.map((x, i) => Math.abs(x / params[name]![i]! - 1));
  expect(Math.max(...errors)).toBeLessThanOrEqual(2 ** -8);
});

it('writes a decoder that was trained here from its start', async () => {
  const decoder = decoderConfig({
    family: 'llama',
    dim: 16,
    layers: 1,
    heads: 2,
    keyHeads: 1,
    hidden: 24,
    vocabSize: 20,
    sequenceLength: 32,
  });
  const params = initParameters(decoderParams(decoder), 1);
  await writeHuggingFace(here, { decoder, params });
  expect(await readHuggingFace(here)).toMatchObject({ decoder, params });
  expect(readdirSync(here).sort()).toEqual(['config.json', 'model.safetensors']);
});

it.each([
  ['llama-grouped', 'llama-sharded-bf16'],
  ['llama-sharded-bf16', 'llama-grouped'],
])('written where there was %s, %s is what the folder holds', async (before, after) => {
  const [old, model] = [await readHuggingFace(join(fixtures, before)), await readHuggingFace(join(fixtures, after))];
  await writeHuggingFace(here, old);
  writeFileSync(join(here, 'adapter_model.safetensors'), 'of another format');
  await writeHuggingFace(here, model);
  expect(await readHuggingFace(here)).toEqual(model);
  const ours = readdirSync(join(fixtures, after)).filter((name) => /^(model|config)/.test(name));
  expect(readdirSync(here).sort()).toEqual(['adapter_model.safetensors', ...ours].sort());
});

it('keeps constants of older versions, and a head that repeats the embedding follows it', async () => {
  cpSync(join(fixtures, 'qwen3-tied'), here, { recursive: true });
  const path = join(here, 'model.safetensors');
  const tensors = floats(readFileSync(path));
  const embedding = 'model.embed_tokens.weight';
  const inverse = { shape: [4], data: Float32Array.of(1, 2, 3, 4) };
  const repeated = {
    ...tensors,
    'lm_head.weight': tensors[embedding]!,
    'model.layers.0.self_attn.rotary_emb.inv_freq': inverse,
  };
  writeFileSync(path, writeSafetensors(repeated, { format: 'pt' }));
  const before = readFileSync(path);
  const model = await readHuggingFace(here);
  await writeHuggingFace(here, model);
  expect(readFileSync(path).equals(before)).toBe(true);

  const params = { ...model.params, [embedding]: model.params[embedding]!.map((x) => x + 1) };
  await writeHuggingFace(here, { ...model, params });
  const written = floats(readFileSync(path));
  expect(written['lm_head.weight']!.data).toEqual(params[embedding]);
  expect(written['model.layers.0.self_attn.rotary_emb.inv_freq']).toEqual(inverse);

  writeFileSync(
    path,
    writeSafetensors({ ...repeated, 'lm_head.weight': { ...tensors[embedding]!, data: params[embedding]! } }),
  );
  await expect(readHuggingFace(here)).rejects.toThrow(/ties the head.*different numbers/);
});

describe('broken folders', () => {
  const load = (name: string) => cpSync(join(fixtures, name), here, { recursive: true });
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(join(here, file), change(readFileSync(join(here, file), 'utf8')));
  const index = 'model.safetensors.index.json';
  const cases: [string, () => void, RegExp][] = [
    ['no weights', () => rmSync(join(here, 'model.safetensors')), /found neither.*pytorch_model\.bin/],
    ['no JSON', () => edit('config.json', () => '{'), /config\.json: expected JSON/],
    [
      'settings of another size',
      () => edit('config.json', (text) => text.replace('"hidden_size": 24', '"hidden_size": 48')),
      /model\.safetensors: tensor "[^"]+": expected \[.*48\] as config\.json says, got/,
    ],
    [
      'more layers than tensors',
      () => edit('config.json', (text) => text.replace('"num_hidden_layers": 2', '"num_hidden_layers": 3')),
      /Missing: model\.layers\.2\./,
    ],
    [
      'fewer layers than tensors',
      () => edit('config.json', (text) => text.replace('"num_hidden_layers": 2', '"num_hidden_layers": 1')),
      /tensor "model\.layers\.1\.[^"]+" is no part of the model/,
    ],
    [
      'a cut file',
      () =>
        writeFileSync(join(here, 'model.safetensors'), readFileSync(join(here, 'model.safetensors')).subarray(0, -4)),
      /model\.safetensors: Not a valid safetensors file/,
    ],
    [
      'an empty file',
      () => writeFileSync(join(here, 'model.safetensors'), ''),
      /model\.safetensors: Not a valid.*at least 8 bytes, got 0/,
    ],
    ...['constructor', '__proto__'].map((name): [string, () => void, RegExp] => [
      `a tensor called ${name}`,
      () => {
        const path = join(here, 'model.safetensors');
        const tensors = Object.entries(floats(readFileSync(path)));
        const foreign = [name, { shape: [1], data: new Float32Array(1) }] as const;
        writeFileSync(path, writeSafetensors(Object.fromEntries([...tensors, foreign])));
      },
      new RegExp(`tensor "${name}" is no part of the model`),
    ]),
    [
      'integers for weights',
      () => {
        const tensors = floats(readFileSync(join(here, 'model.safetensors')));
        const norm = { shape: [24], data: new Int32Array(24) };
        writeFileSync(join(here, 'model.safetensors'), writeSafetensors({ ...tensors, 'model.norm.weight': norm }));
      },
      /"model\.norm\.weight" to be F32, F16 or BF16, got I32/,
    ],
  ];
  it.each(cases)('%s', async (_, spoil, message) => {
    load('llama-grouped');
    spoil();
    await expect(readHuggingFace(here)).rejects.toThrow(message);
  });

  const sharded: [string, () => void, RegExp][] = [
    ['no map', () => edit(index, () => '{}'), /expected weight_map/],
    [
      'a file outside the folder',
      () => edit(index, (text) => text.replace('model-00001-of', '../model-00001-of')),
      /to lie in a \.safetensors file of this folder, got "\.\.\/model/,
    ],
    [
      'a tensor in another file than the index says',
      () => edit(index, (text) => text.replace(/("lm_head.weight": ")[^"]+/, '$1model-00001-of-00003.safetensors')),
      /"lm_head\.weight": .* disagree on where it lies/,
    ],
    ['a missing file', () => rmSync(join(here, 'model-00002-of-00003.safetensors')), /ENOENT.*model-00002-of-00003/],
  ];
  it.each(sharded)('in several files: %s', async (_, spoil, message) => {
    load('llama-sharded-bf16');
    spoil();
    await expect(readHuggingFace(here)).rejects.toThrow(message);
  });

  it('leave no half-written file behind', async () => {
    const model = await readHuggingFace(join(fixtures, 'llama-grouped'));
    model.layout.files[0]!.tensors.push(['unknown', { dtype: 'F32', shape: [1] }]);
    await expect(writeHuggingFace(here, model)).rejects.toThrow(/"unknown" is no part/);
    expect(existsSync(here) ? readdirSync(here) : []).toEqual([]);
  });
});
