import { Command } from 'commander';
import { dataBenchmark } from './data.ts';
import { engineBenchmark } from './engine.ts';

/** `npm run bench -- NAME`: benchmarks of whole parts; those of single functions stand beside them as `*.bench.ts`. */
const bench = new Command('bench');
bench.command('engine').description('a training step by size and threads').action(engineBenchmark);
bench
  .command('data')
  .description('the data libraries beside their peers')
  .option('--only <sections>', 'shards, mixture, tokens, pictures; several with commas')
  .option('--json', 'one last line for machines')
  .action((options: { only?: string; json?: boolean }) => dataBenchmark(options));
await bench.parseAsync();
