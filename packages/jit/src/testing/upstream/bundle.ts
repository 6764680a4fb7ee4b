/** The tests of tfjs's operations, which its package ships, as one module that Node can load. */
import { mkdir, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const core = dirname(require.resolve('@tensorflow/tfjs-core')); // …/dist
const here = dirname(fileURLToPath(import.meta.url));

/** Every `*_test.js` of tfjs-core's operations, relative to its `dist`. */
export async function operationTests(): Promise<string[]> {
  const entries = await readdir(join(core, 'ops'), { recursive: true });
  return entries.filter((name) => name.endsWith('_test.js')).sort();
}

/**
 * @returns the address of a module that, imported, declares all tests with the globals of `collect.ts`
 */
export async function bundleOperationTests(files: readonly string[]): Promise<string> {
  const outfile = join(here, '../../../node_modules/.cache/tfjs-operation-tests.mjs');
  await mkdir(dirname(outfile), { recursive: true });
  const lines = ["require('./public/chained_ops/register_all_chained_ops');"];
  for (const file of files)
    lines.push(`globalThis.startFile(${JSON.stringify(file)}); require(${JSON.stringify(`./ops/${file}`)});`);
  await build({
    stdin: { contents: lines.join('\n'), resolveDir: core },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
    mainFields: ['main'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    plugins: [
      {
        name: 'one tfjs',
        setup({ onResolve }) {
          // The tests and the compiler must share one copy of tfjs.
          onResolve({ filter: /^\.\.?(\/\.\.)?(\/index)?$/ }, ({ path, resolveDir }) => {
            const target = join(resolveDir, path);
            return target === core || target === join(core, 'index')
              ? { path: '@tensorflow/tfjs-core', external: true }
              : null;
          });
          onResolve({ filter: /\/jasmine_util$/ }, () => ({ path: join(here, 'jasmine-util.ts') }));
        },
      },
    ],
  });
  return pathToFileURL(outfile).href;
}
