/**
 * Assembles the `.wat` sources into `generated/`. A test compares them, so that neither changes alone; after a change of a source run
 * `npx tsx packages/jit/src/optimizer/testing/assemble.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

/** Source, and the name of the constant in the generated file. */
export const modules = { adamw: 'adamWWasm', sgd: 'sgdWasm' } as const;
type ModuleName = keyof typeof modules;

export const generatedFile = (name: ModuleName): URL => new URL(`../generated/${name}-wasm.ts`, import.meta.url);

/** The text that the generated file must have. */
export async function assemble(name: ModuleName): Promise<string> {
  const { parseWat } = await wabt();
  const source = readFileSync(new URL(`../${name}.wat`, import.meta.url), 'utf8');
  const module = parseWat(`${name}.wat`, source, { simd: true });
  try {
    const { buffer } = module.toBinary({ log: false, write_debug_names: false });
    const base64 = Buffer.from(buffer).toString('base64');
    const lines = base64.match(/.{1,110}/g)!.map((line) => `  '${line}'`);
    return (
      `/** Generated from ${name}.wat by testing/assemble.ts; do not edit. */\n` +
      `export const ${modules[name]}: string =\n${lines.join(' +\n')};\n`
    );
  } finally {
    module.destroy();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of Object.keys(modules) as ModuleName[]) writeFileSync(generatedFile(name), await assemble(name));
}
