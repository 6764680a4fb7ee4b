import { Command } from 'commander';
import { runChecks } from '../doctor/run-checks.ts';

/** `staged-vlm doctor`: is this installation right? */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check this installation: engine, gradients against the reference, threads, disk, optional engines')
    .option('--store <folder>', 'where studies are kept', '.staged-vlm')
    .action(async (options: { store: string }) => {
      const checks = await runChecks(options.store);
      const marks = { ok: '✓', note: '·', failed: '✗' } as const;
      console.log(checks.map(({ state, name, found }) => `${marks[state]} ${name.padEnd(34)} ${found}`).join('\n'));
      const failed = checks.filter(({ state }) => state === 'failed');
      for (const { name, advice } of failed) console.error(`\n${name}: ${advice ?? 'see above'}`);
      if (failed.length > 0) process.exitCode = 1;
    });
}
