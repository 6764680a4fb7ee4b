import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { JitError } from '../jit-error.ts';

/** Backends that a package registers when it is loaded, the preferred one first. */
const packagesOf: Record<string, readonly string[]> = {
  tensorflow: ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'],
  cpu: ['@tensorflow/tfjs-backend-cpu'],
};

type Require = (id: string) => unknown;

/**
 * Makes a tfjs backend available, loading the package that brings it if need be.
 * @param backend tfjs's name for it: `cpu`, `tensorflow` (tfjs-node-gpu or tfjs-node), or any that is already registered
 * @throws {JitError} `backend-missing`, with what to install
 */
export function loadBackend(backend: string, load: Require = createRequire(import.meta.url)): void {
  const isRegistered = () => tf.engine().backendNames().includes(backend);
  if (isRegistered()) return;
  const failures: string[] = [];
  for (const name of packagesOf[backend] ?? []) {
    try {
      load(name);
    } catch (cause) {
      failures.push(`${name}: ${explain(cause)}`);
    }
    if (isRegistered()) return;
  }
  const registered = tf.engine().backendNames().join(', ') || 'none';
  const advice = failures.length
    ? `${failures.join(' ')}${backend === 'cpu' ? '' : " The backend { backend: 'cpu' } runs everywhere, slowly."}`
    : `Import the package that registers it before the first step; expected one of ${[...Object.keys(packagesOf), registered].join(', ')}.`;
  throw new JitError('backend-missing', `No tfjs backend called ${backend} (registered: ${registered}). ${advice}`);
}

/** Absent and installed without its binary are different troubles with different cures. */
function explain(cause: unknown): string {
  const { code, message } = cause as { code?: string; message?: string };
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND')
    return 'not installed; add it to your dependencies.';
  return (
    'installed, but its native library is missing or does not load here (its binaries are built for CUDA 11.2 and for Node below 22, ' +
    `and are downloaded by its install script, which package managers may block): ${message ?? cause}`
  );
}
