import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Uses @vlm/jit as a stranger does: packs it, installs the tarball into an empty folder with npm, and runs its examples from there, one in
 * JavaScript, one through the TypeScript compiler.
 * `npm run build && npx tsx tools/check-jit-package.ts`
 */
const run = promisify(execFile);
const root = new URL('..', import.meta.url).pathname;
const directory = await mkdtemp(join(tmpdir(), 'stranger-'));
const inside = { cwd: directory };
try {
  const { stdout } = await run('npx', ['--yes', 'pnpm@10.34.9', 'pack', '--pack-destination', directory, '--json'], {
    cwd: join(root, 'packages/jit'),
  });
  const tarball = (JSON.parse(stdout.slice(stdout.indexOf('{'))) as { filename: string }).filename;
  await writeFile(join(directory, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
  const packages = [
    tarball,
    '@tensorflow/tfjs-core@4.22.0',
    '@tensorflow/tfjs-backend-cpu@4.22.0',
    'typescript@7.0.2',
    '@types/node@20',
  ];
  // ONNX Runtime's install script would fetch its CUDA provider, which nothing here needs.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], { ...inside, env });
  for (const file of ['fit-a-line.js', 'typed.ts']) {
    await copyFile(join(root, 'packages/jit/examples', file), join(directory, file));
  }
  const options = ['--strict', '--target', 'ES2023', '--module', 'NodeNext', '--types', 'node', '--skipLibCheck'];
  await run('npx', ['tsc', ...options, 'typed.ts'], inside);
  for (const [file, expected] of [
    ['fit-a-line.js', /w Float32Array\(2\) \[ -(1|0\.99\d*), (2|1\.99\d*|2\.00\d*) \]/],
    ['typed.js', /y 15 gradient \[ 6, 12 \]\n\[ \[ -1, 1 \] \]\ndisposed/],
  ] as const) {
    const { stdout: printed } = await run('node', [file], inside);
    if (!expected.test(printed)) throw new Error(`${file}: expected ${expected}, got\n${printed}`);
    console.log(`${file}:\n${printed.trim()}`);
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
