import type { Device } from '@vlm/jit';
import { Command } from 'commander';
import { stormBenchmark } from './chaos/storm.ts';
import { threeWorkersBenchmark } from './chaos/three-workers.ts';
import { mixtureFigure } from './data/mixture-figure.ts';
import { dataBenchmark } from './data.ts';
import { deviceCurveBenchmark } from './device-curve.ts';
import { lossCurves } from './engine/loss-curves.ts';

import { engineBenchmark, engineDefaults } from './engine.ts';
import { agreementBenchmark } from './evals/agreement.ts';
import { calibrationBenchmark, calibrationParts } from './evals/calibration.ts';
import { knownModelsBenchmark } from './evals/known-models.ts';
import { answersBenchmark } from './evals/throughput.ts';
import { gridBenchmark } from './grid.ts';
import { queueBenchmark } from './queue.ts';
import { shapeBenchmark } from './shape.ts';
import { sharingCoresBenchmark } from './sharing-cores.ts';
import { storeBenchmark } from './store.ts';

/** `npm run bench -- NAME`: benchmarks of whole parts; those of single functions stand beside them as `*.bench.ts`. */
const bench = new Command('bench');
bench
  .command('engine')
  .description('a training step beside PyTorch eager and torch.compile, where PyTorch is installed')
  .option('--sizes <names>', 'several with commas', (names) => names.split(','), engineDefaults.sizes)
  .option('--rounds <count>', 'in each, every contestant trains two steps', Number, engineDefaults.rounds)
  .option('--threads <count>', 'for every contestant', Number, engineDefaults.threads)
  .option('--python <path>', 'an interpreter with PyTorch (also: the variable PYTHON)', engineDefaults.python)
  .option('--json', 'one last line for machines')
  .action(engineBenchmark);
bench
  .command('engine-losses')
  .description('losses of S over many steps, drawn into docs/images')
  .option('--steps <count>', 'of @vlm/jit; 0 keeps the curve on file', Number, 200)
  .option('--torch-steps <count>', 'of PyTorch eager', Number, 200)
  .option('--tfjs-steps <count>', 'of tfjs on its cpu backend: minutes each', Number, 2)
  .option('--webgpu-steps <count>', 'of @vlm/jit on a graphics processor', Number, 0)
  .option('--threads <count>', 'for every contestant', Number, engineDefaults.threads)
  .option('--python <path>', 'an interpreter with PyTorch (also: the variable PYTHON)', engineDefaults.python)
  .action(lossCurves);
bench
  .command('data')
  .description('the data libraries beside their peers')
  .option('--only <sections>', 'shards, mixture, tokens, pictures; several with commas')
  .option('--json', 'one last line for machines')
  .action((options: { only?: string; json?: boolean }) => dataBenchmark(options));
bench
  .command('store')
  .description('the store in S3: speed beside the bare SDK, and the smoke study kept in a folder and in S3')
  .option('--megabytes <count>', 'size of the file that goes up and down', Number, 128)
  .option('--rounds <count>', 'of each', Number, 7)
  .option('--no-study', 'leave out the study')
  .action(storeBenchmark);
bench.command('mixture-figure').description('draws the figure of the mixture-sampler').action(mixtureFigure);
bench
  .command('agreement')
  .description('golden cases of the reference code against @vlm/evals (also: the variable GOLDEN_DIR)')
  .option('--json', 'one last line for machines')
  .action(agreementBenchmark);
bench
  .command('calibration')
  .description('intervals, tests and power of @vlm/evals on simulated studies of which the truth is known')
  .option('--studies <count>', 'per line', Number, 2000)
  .option('--only <tables>', `with commas: ${calibrationParts.join(', ')}`)
  .option('--figure', 'also draws the figure of the package')
  .option('--json', 'one last line for machines')
  .action(calibrationBenchmark);
bench
  .command('tasks')
  .description('every task of the default corpus asked of a model that reads the truth and of one that guesses')
  .option('--corpus <folder>', 'of a corpus that was built before')
  .option('--json', 'one last line for machines')
  .action(knownModelsBenchmark);
bench
  .command('answers')
  .description('items per second: one by one against batched, sorted by length, with a key-value cache')
  .option('--items <count>', 'per task', Number, 192)
  .option('--rounds <count>', 'the ways take turns; medians', Number, 3)
  .option('--threads <count>', 'of the engine', Number, 1)
  .option('--corpus <folder>', 'of a corpus that was built before')
  .option('--json', 'one last line for machines')
  .action(answersBenchmark);
bench
  .command('shape')
  .description('a published size at reduced depth: operations and memory against the planner')
  .option('--size <name>', 'a size of decoderSizes', '411m')
  .option('--layers <n>', 'depth', '2')
  .option('--length <n>', 'tokens in a row', '1024')
  .option('--rows <n>', 'rows in a step', '1')
  .option('--steps <n>', 'steps', '3')
  .action(shapeBenchmark);
bench
  .command('device-curve')
  .description('losses of a small decoder on the CPU and on a device, as JSON')
  .option('--device <name>', 'webgpu or cuda', 'webgpu')
  .action(({ device }: { device: Device }) => deviceCurveBenchmark(device));
bench.command('sharing-cores').description('trainings that share the cores').action(sharingCoresBenchmark);
bench
  .command('queue')
  .description('phases that do nothing through BullMQ: overhead, throughput, memory of Redis (needs redis-server)')
  .option('--phases <n>', 'about so many', Number, 10_000)
  .option('--slots <n>', 'phases at a time', Number, 8)
  .option('--out <file>', 'figures as JSON')
  .action(queueBenchmark);
bench
  .command('grid')
  .description(
    "the paper's grid of models on 8 to 512 GPUs, simulated from the planner's times, drawn into docs/images",
  )
  .action(gridBenchmark);
bench
  .command('three-workers')
  .description(
    'a study on one and on three workers in network namespaces, beside this machine alone (Linux, root, redis-server)',
  )
  .option('--recipe <name>', 'a preset or a file', 'smoke')
  .option('--seeds <n>', 'models of every arm', Number, 1)
  .option('--out <file>', 'figures as JSON')
  .action(threeWorkersBenchmark);
bench
  .command('storm')
  .description('studies on three workers while everything breaks at random (Linux, root, redis-server)')
  .option('--minutes <n>', 'how long there is trouble', Number, 30)
  .option('--seed <n>', 'of the troubles', Number, 1)
  .option('--undisturbed <store>', 'of an earlier run that nobody disturbed, to begin with')
  .option('--refused <share>', 'of the requests to the S3 server', Number, 0.1)
  .option('--out <file>', 'figures as JSON')
  .action(stormBenchmark);
await bench.parseAsync();
