/**
 * Assembles `resample.wat` into `generated/resample-wasm.ts`. A test compares the two, so that neither changes alone; after a change
 * of the source run `npx tsx packages/image-patcher/src/testing/assemble.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const source = new URL('../resample.wat', import.meta.url);
/** The generated file. */
export const generated: URL = new URL('../generated/resample-wasm.ts', import.meta.url);

/** The text that the generated file must have. */
export async function assemble(): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat('resample.wat', readFileSync(source, 'utf8'), { simd: true });
  try {
    const { buffer } = module.toBinary({ log: false, write_debug_names: false });
    const lines = Buffer.from(buffer)
      .toString('base64')
      .match(/.{1,110}/g)!
      .map((line) => `  '${line}'`);
    return `/** Generated from resample.wat by testing/assemble.ts; do not edit. */\nexport const resampleWasm: string =\n${lines.join(' +\n')};\n`;
  } finally {
    module.destroy();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(generated, await assemble());
