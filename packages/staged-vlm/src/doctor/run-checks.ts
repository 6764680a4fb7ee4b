import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { openStore } from '@vlm/study';
import { formatBytes } from '../format.ts';
import { checkDecoderParity } from './decoder-parity.ts';

export interface Check {
  name: string;
  /** `note`: worth knowing, nothing is wrong. */
  state: 'ok' | 'note' | 'failed';
  found: string;
  /** What to do about a failure. */
  advice?: string;
}

const neededNode = [20, 19] as const;
const neededDiskBytes = 2e9;
const neededMemoryBytes = 2e9;
/** Float32 sums in another order differ by about this much of a gradient's largest number. */
export const largestError = 1e-4;

/** Looks at everything that a study needs, on this machine. */
export async function runChecks(storeDirectory: string): Promise<Check[]> {
  return [
    checkNode(),
    checkCores(),
    checkMemory(),
    await checkStore(storeDirectory),
    await checkEngine(1),
    await checkEngine(availableParallelism()),
    checkOptionalEngine(),
  ];
}

function checkNode(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const isNew = major > neededNode[0] || (major === neededNode[0] && minor >= neededNode[1]);
  return {
    name: 'Node.js',
    state: isNew ? 'ok' : 'failed',
    found: process.versions.node,
    advice: `Install Node ${neededNode.join('.')} or later.`,
  };
}

function checkCores(): Check {
  const cores = availableParallelism();
  return { name: 'cores', state: 'ok', found: `${cores}: as many phases run at a time as fit (--workers to change)` };
}

function checkMemory(): Check {
  const state = freemem() >= neededMemoryBytes ? 'ok' : 'note';
  return {
    name: 'memory',
    state,
    found: `${formatBytes(freemem())} free of ${formatBytes(totalmem())}; the preset quick needs about ${formatBytes(neededMemoryBytes)}`,
  };
}

async function checkStore(place: string): Promise<Check> {
  return place.includes('://') ? checkRemoteStore(place) : checkFolder(place);
}

async function checkRemoteStore(location: string): Promise<Check> {
  const name = 'store';
  try {
    const store = await openStore(location);
    return {
      name,
      state: 'ok',
      found: `${store.location}: answers, keeps conditional writes; copies in ${store.directory}`,
    };
  } catch (error) {
    return {
      name,
      state: 'failed',
      found: (error as Error).message,
      advice: 'Put that right, or choose a folder with --store.',
    };
  }
}

async function checkFolder(directory: string): Promise<Check> {
  const name = 'store';
  const probe = join(resolve(directory), '.write-probe');
  try {
    await mkdir(resolve(directory), { recursive: true });
    await writeFile(probe, 'probe');
    await rm(probe);
    const { bavail, bsize } = await statfs(resolve(directory));
    const free = bavail * bsize;
    return {
      name,
      state: free >= neededDiskBytes ? 'ok' : 'failed',
      found: `${resolve(directory)}: writable, ${formatBytes(free)} free`,
      advice: `Free at least ${formatBytes(neededDiskBytes)} or choose another folder with --store.`,
    };
  } catch (error) {
    return {
      name,
      state: 'failed',
      found: (error as Error).message,
      advice: 'Choose a folder that you may write with --store.',
    };
  }
}

/** Every gradient of a small decoder with images: compiled, against TensorFlow.js on its own CPU backend. */
async function checkEngine(threads: number): Promise<Check> {
  const name = `gradients, ONNX Runtime, ${threads} thread${threads > 1 ? 's' : ''}`;
  const advice =
    'The compiled engine computes other gradients than the reference on this device. Do not train with it; please report this line.';
  try {
    const { worst, gradients, tokensPerSecond } = await checkDecoderParity(threads);
    return {
      name,
      state: worst.relativeError < largestError ? 'ok' : 'failed',
      found: `${gradients} tensors, worst relative error ${worst.relativeError.toExponential(1)} (${worst.name}); ${Math.round(tokensPerSecond).toLocaleString('en')} tokens/s at the size of quick`,
      advice,
    };
  } catch (error) {
    return {
      name,
      state: 'failed',
      found: (error as Error).message,
      advice: 'Install again with `npm run setup`; ONNX Runtime supports Linux, macOS and Windows on x64 and arm64.',
    };
  }
}

/** tfjs-node and tfjs-node-gpu are welcome and never needed. */
function checkOptionalEngine(): Check {
  const name = 'tfjs-node / tfjs-node-gpu';
  const require = createRequire(import.meta.url);
  for (const module of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      require(module);
      return { name, state: 'ok', found: `${module} loads: tfjsEngine({ backend: 'tensorflow' }) can use it` };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') {
        return {
          name,
          state: 'note',
          found: `${module} is installed, but its native part does not load: ${(error as Error).message.split('\n')[0]}`,
        };
      }
    }
  }
  return { name, state: 'note', found: 'not installed (optional)' };
}
