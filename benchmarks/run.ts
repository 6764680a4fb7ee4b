import { Command } from 'commander';
import { engineBenchmark } from './engine.ts';

/** `npm run bench -- engine`: benchmarks of whole parts; those of single functions stand beside them as `*.bench.ts`. */
const benchmarks = { engine: engineBenchmark };

const { args } = new Command('bench').argument('<name>', Object.keys(benchmarks).join(', ')).parse();
const run = benchmarks[args[0] as keyof typeof benchmarks];
if (!run) throw new Error(`Expected one of ${Object.keys(benchmarks).join(', ')}, got ${args[0]}.`);
await run();
