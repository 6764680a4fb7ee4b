import { availableParallelism } from 'node:os';
import type { Device } from '@vlm/jit';
import { Command, Option } from 'commander';
import { checkGolden } from '../doctor/check-golden.ts';
import { checkDeviceParity } from '../doctor/decoder-parity.ts';
import { largestError, runChecks } from '../doctor/run-checks.ts';

/** `staged-vlm doctor`: is this installation right? */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check this installation: engine, gradients against the reference, threads, disk, optional engines')
    .option('--store <folder>', 'where studies are kept', '.staged-vlm')
    .option('--golden <file>', "only compare the engines with OpenLM's own numbers in this file (openlm-*.safetensors)")
    .addOption(
      new Option('--device <device>', 'only compare every gradient on this device with the CPU, and time both').choices(
        ['webgpu', 'cuda'],
      ),
    )
    .action(async (options: { store: string; golden?: string; device?: Device }) => {
      if (options.device !== undefined) return printDevice(options.device);
      if (options.golden !== undefined) return printGolden(options.golden);
      const checks = await runChecks(options.store);
      const marks = { ok: '✓', note: '·', failed: '✗' } as const;
      console.log(checks.map(({ state, name, found }) => `${marks[state]} ${name.padEnd(34)} ${found}`).join('\n'));
      const failed = checks.filter(({ state }) => state === 'failed');
      for (const { name, advice } of failed) console.error(`\n${name}: ${advice ?? 'see above'}`);
      if (failed.length > 0) process.exitCode = 1;
    });
}

async function printDevice(device: Device): Promise<void> {
  const { loss, gradients, tokensPerSecond, cpuTokensPerSecond } = await checkDeviceParity(
    device,
    availableParallelism(),
  );
  const lines = [loss, ...gradients];
  const isOk = (error: number): boolean => error < largestError;
  for (const { name, relativeError } of lines) {
    console.log(`${isOk(relativeError) ? '✓' : '✗'} ${relativeError.toExponential(1)}  ${name}`);
  }
  const speed = (tokens: number): string => `${Math.round(tokens).toLocaleString('en')} tokens/s`;
  console.log(
    `\n${device} ${speed(tokensPerSecond)}, cpu ${speed(cpuTokensPerSecond)}, on four rows at the size of quick`,
  );
  if (lines.every(({ relativeError }) => isOk(relativeError))) return;
  console.error(`\nThis device computes other gradients than the CPU. Do not train on it; please report these lines.`);
  process.exitCode = 1;
}

async function printGolden(path: string): Promise<void> {
  const lines = await checkGolden(path);
  for (const { engine, quantity, error, isOk, note } of lines) {
    console.log(`${isOk ? '✓' : '✗'} ${engine.padEnd(12)} ${quantity.padEnd(14)} ${error.toExponential(1)}  ${note}`);
  }
  if (lines.some(({ isOk }) => !isOk)) process.exitCode = 1;
}
