import { execFile } from 'node:child_process';
import { availableParallelism, cpus, hostname, totalmem } from 'node:os';

/** The machine that did a phase, as its record and the report name it. */
export interface Hardware {
  host: string;
  /** CPU model, and cores that the process may use. */
  cpu: string;
  cores: number;
  memoryBytes: number;
  /** Models of the GPUs that the driver shows, whether or not the phase used them. */
  gpus?: string[];
  /** Platform and architecture, and version of Node. */
  platform: string;
  node: string;
}

let gpuNames: Promise<string[]> | undefined;

/** This machine. Asks NVIDIA's own tool for GPUs, once. */
export async function describeHardware(): Promise<Hardware> {
  gpuNames ??= readGpuNames();
  const gpus = await gpuNames;
  return {
    host: hostname(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    ...(gpus.length > 0 ? { gpus } : {}),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

/** One line: `epyc-3: AMD EPYC 7763, 64 cores, NVIDIA A100-SXM4-80GB × 8`. */
export function hardwareText({ host, cpu, cores, gpus = [] }: Hardware): string {
  const counts = new Map<string, number>();
  for (const gpu of gpus) counts.set(gpu, (counts.get(gpu) ?? 0) + 1);
  const named = [...counts].map(([name, count]) => (count > 1 ? `${name} × ${count}` : name));
  return [`${host}: ${cpu}`, `${cores} ${cores === 1 ? 'core' : 'cores'}`, ...named].join(', ');
}

function readGpuNames(): Promise<string[]> {
  return new Promise((resolve) => {
    execFile('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], { timeout: 5000 }, (error, stdout) =>
      resolve(
        error
          ? []
          : stdout
              .split('\n')
              .map((line) => line.trim())
              .filter((line) => line !== ''),
      ),
    );
  });
}
