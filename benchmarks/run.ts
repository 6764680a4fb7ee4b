import { Command } from 'commander';
import { mixtureFigure } from './data/mixture-figure.ts';
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
bench.command('mixture-figure').description('draws the figure of the mixture-sampler').action(mixtureFigure);
await bench.parseAsync();
