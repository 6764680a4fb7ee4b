import { Command } from 'commander';
import { checkGolden } from '../doctor/check-golden.ts';
import { runChecks } from '../doctor/run-checks.ts';

/** `staged-vlm doctor`: is this installation right? */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check this installation: engine, gradients against the reference, threads, disk, optional engines')
    .option('--store <folder>', 'where studies are kept', '.staged-vlm')
    .option('--golden <file>', "only compare the engines with OpenLM's own numbers in this file (openlm-*.safetensors)")
    .action(async (options: { store: string; golden?: string }) => {
      if (options.golden !== undefined) return printGolden(options.golden);
      const checks = await runChecks(options.store);
      const marks = { ok: '✓', note: '·', failed: '✗' } as const;
      console.log(checks.map(({ state, name, found }) => `${marks[state]} ${name.padEnd(34)} ${found}`).join('\n'));
      const failed = checks.filter(({ state }) => state === 'failed');
      for (const { name, advice } of failed) console.error(`\n${name}: ${advice ?? 'see above'}`);
      if (failed.length > 0) process.exitCode = 1;
    });
}

async function printGolden(path: string): Promise<void> {
  const lines = await checkGolden(path);
  for (const { engine, quantity, error, isOk, note } of lines) {
    console.log(`${isOk ? '✓' : '✗'} ${engine.padEnd(12)} ${quantity.padEnd(14)} ${error.toExponential(1)}  ${note}`);
  }
  if (lines.some(({ isOk }) => !isOk)) process.exitCode = 1;
}
