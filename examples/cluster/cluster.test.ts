import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const run = promisify(execFile);
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const cli = fileURLToPath(new URL('../../packages/staged-vlm/src/cli.ts', import.meta.url));
const read = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');

/** Fails where a command line names an option that the command does not have. */
async function checkCommand(words: readonly string[]): Promise<void> {
  const command = words[0] === 'study' ? words.slice(0, 2) : words.slice(0, 1);
  const argv = ['--import', tsx, '--conditions=@vlm/source', cli, ...command, '--help'];
  const { stdout } = await run(process.execPath, argv);
  for (const word of words) if (word.startsWith('--')) expect(stdout).toContain(word);
}

interface Container {
  image: string;
  args: string[];
  env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
}
interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec?: { template: { spec: { containers: Container[]; restartPolicy?: string } } };
}

describe('examples/cluster', { timeout: 60_000 }, () => {
  it('has a Compose file whose services exist and whose commands are ours', async () => {
    const { services, volumes } = parse(await read('docker-compose.yaml'), { merge: true }) as {
      services: Record<
        string,
        { image?: string; build?: string; command?: string; depends_on?: object; volumes?: string[] }
      >;
      volumes: Record<string, null>;
    };
    for (const [name, service] of Object.entries(services)) {
      expect(service.image ?? service.build, name).toBeDefined();
      for (const other of Object.keys(service.depends_on ?? {})) expect(services).toHaveProperty(other);
      for (const volume of service.volumes ?? []) {
        if (!volume.startsWith('/')) expect(volumes).toHaveProperty(volume.split(':')[0]!);
      }
    }
    await checkCommand(services['worker']!.command!.split(' '));
  });

  it('has manifests of known kinds, whose commands are ours and whose secrets come from a Secret', async () => {
    const manifests = parseAllDocuments(await read('kubernetes.yaml')).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Manifest;
    });
    expect(manifests.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
      'v1 ConfigMap',
      'apps/v1 Deployment',
      'batch/v1 Job',
    ]);
    for (const { spec } of manifests.slice(1)) {
      const [{ args, env }] = spec!.template.spec.containers as [Container];
      await checkCommand(args);
      for (const { name, value, valueFrom } of env) {
        if (/KEY|PASSWORD|USER/.test(name)) expect(valueFrom?.secretKeyRef.name, name).toBe('staged-vlm');
        else expect(value).toBeDefined();
      }
    }
  });

  it('has no credentials in it', async () => {
    for (const name of ['docker-compose.yaml', 'kubernetes.yaml', 'Dockerfile']) {
      expect(await read(name)).not.toMatch(/(password|secret[_a-z]*)\s*[:=]\s*["']?[A-Za-z0-9+/]{6,}["']?\s*$/im);
    }
  });
});
