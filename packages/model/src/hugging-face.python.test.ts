/** `transformers` opens what we write. Runs where the Python of VLM_PYTHON (default: python3) has it, otherwise skipped by name. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { decoderLogits, decoderParams } from './decoder.ts';
import { type DecoderOptions, decoderConfig } from './decoder-config.ts';
import { writeHuggingFace } from './hugging-face.ts';
import { initParameters } from './init.ts';
import { writeSafetensors } from './safetensors.ts';
import { bind, engines } from './testing/engines.ts';

const python = process.env['VLM_PYTHON'] ?? 'python3';
const script = fileURLToPath(new URL('../tools/check_hugging_face.py', import.meta.url));

function hasTransformers(): boolean {
  try {
    execFileSync(
      python,
      ['-c', 'import importlib.util as u, sys; sys.exit(not (u.find_spec("transformers") and u.find_spec("torch")))'],
      {
        stdio: 'ignore',
      },
    );
    return true;
  } catch {
    return false;
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'transformers-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const sizes = { dim: 24, layers: 2, heads: 4, hidden: 40, vocabSize: 60, sequenceLength: 64 } as const;
const scaling = { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalLength: 32 } as const;
const cases: [string, DecoderOptions][] = [
  ['LlamaForCausalLM', { ...sizes, family: 'llama', keyHeads: 2, rotaryScaling: { kind: 'llama3', ...scaling } }],
  ['Qwen2ForCausalLM', { ...sizes, family: 'llama', queryKeyValueBias: true, tiedHead: true }],
  ['Qwen3ForCausalLM', { ...sizes, family: 'llama', qkNorm: 'head' }],
  ['Olmo2ForCausalLM', { ...sizes, family: 'llama', qkNorm: 'width', norms: 'after' }],
  ['GPTNeoXForCausalLM', { ...sizes, family: 'gpt-neox', rotaryWidth: 2 }],
];

describe.skipIf(!hasTransformers())('transformers', { timeout: 120_000 }, () => {
  it.each(cases)('opens it as %s and computes the same logits', async (name, options) => {
    const decoder = decoderConfig(options);
    const specs = decoderParams(decoder);
    const params = initParameters(specs, 1);
    for (const key of Object.keys(params)) params[key] = params[key]!.map((x, i) => 4 * x + 0.01 * Math.sin(i));
    const folder = join(scratch, name);
    await writeHuggingFace(folder, { decoder, params });

    const tokens = Int32Array.from({ length: 40 }, (_, i) => (7 * i + 3) % sizes.vocabSize);
    const forward = await engines[0]![1]().compileForward(
      (constants, { tokens_BT }) => ({ logits: decoderLogits(decoder, constants, tokens_BT!) }),
      { constants: bind(specs, params), inputs: { tokens_BT: { shape: [1, 40], dtype: 'int32' } } },
    );
    const logits = (await forward.run({ tokens_BT: tokens }))['logits'] as Float32Array;
    await forward.dispose();
    const reference = join(scratch, `${name}.safetensors`);
    writeFileSync(
      reference,
      writeSafetensors({
        tokens: { shape: [1, 40], data: tokens },
        logits: { shape: [1, 40, sizes.vocabSize], data: logits },
      }),
    );
    const output = execFileSync(python, [script, folder, reference], { stdio: ['ignore', 'pipe', 'ignore'] });
    const { model, error, problems } = JSON.parse(output.toString().trim().split('\n').at(-1)!);
    expect({ model, problems }).toEqual({ model: name, problems: 0 });
    expect(error).toBeLessThan(3e-5); // float32 sums in another order, through weights sharpened fourfold
  });
});
