import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Checks every package as it will be published: packs it, then runs publint and "are the types wrong" on the tarball.
 * `npm run check:packages`
 */
const run = promisify(execFile);
const root = new URL('..', import.meta.url).pathname;

const directory = await mkdtemp(join(tmpdir(), 'packed-'));
let failures = 0;
try {
  for (const name of (await readdir(join(root, 'packages'))).sort()) {
    const { name: packageName } = JSON.parse(await readFile(join(root, 'packages', name, 'package.json'), 'utf8')) as {
      name: string;
    };
    const { stdout } = await run('npx', ['--yes', 'pnpm@10.34.9', 'pack', '--pack-destination', directory, '--json'], {
      cwd: join(root, 'packages', name),
    });
    const tarball = (JSON.parse(stdout.slice(stdout.indexOf('{'))) as { filename: string }).filename;
    for (const [tool, argv] of [
      ['publint', [tarball, '--strict']],
      ['attw', [tarball, '--profile', 'esm-only', '--no-emoji']],
    ] as const) {
      try {
        await run(join(root, 'node_modules/.bin', tool), [...argv]);
        console.log(`${packageName}: ${tool} ok`);
      } catch (error) {
        failures++;
        const { stdout: out, stderr } = error as { stdout?: string; stderr?: string };
        console.error(`${packageName}: ${tool} failed\n${out ?? ''}${stderr ?? ''}`);
      }
    }
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
if (failures > 0) process.exitCode = 1;
