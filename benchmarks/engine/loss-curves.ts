import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Contestant } from './contestant.ts';
import { startJit, startTorch } from './contestants.ts';
import { writeProblem } from './problem.ts';
import { sizes } from './sizes.ts';

export interface LossCurvesOptions {
  /** Steps of `@vlm/jit`. */
  steps: number;
  /** Steps of PyTorch, on the same problem; 0 keeps the curve on file, as everywhere here. */
  torchSteps: number;
  /** Steps on tfjs' `cpu` backend: a minute or more each. */
  tfjsSteps: number;
  /** Steps on a graphics processor; in software (SwiftShader, named by VK_DRIVER_FILES) minutes each. */
  webgpuSteps: number;
  threads: number;
  python: string;
}

/** Losses by step, for each that trained; curves of other machines or devices are kept and drawn too. */
type Curves = Record<string, number[]>;

const image = (name: string) => fileURLToPath(new URL(`../../docs/images/${name}`, import.meta.url));
const stepsAtOnce = 20;

/** `npm run bench -- engine-losses`: S trained again and again on one batch, losses by step, drawn together. */
export async function lossCurves({
  steps,
  torchSteps,
  tfjsSteps,
  webgpuSteps,
  threads,
  python,
}: LossCurvesOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'vlm-bench-'));
  try {
    const problem = await writeProblem(directory, sizes.find(({ name }) => name === 'S')!);
    const runs: [name: string, steps: number, start: () => Promise<Contestant>][] = [
      ['@vlm/jit', steps, () => startJit(problem, threads)],
      ['PyTorch eager', torchSteps, () => startTorch('eager', python, problem, threads)],
      ['tfjs cpu', tfjsSteps, () => startJit(problem, threads, 'tfjs')],
      ['@vlm/jit webgpu', webgpuSteps, () => startJit(problem, threads, 'webgpu')],
    ];
    for (const [name, count, start] of runs) {
      if (count > 0) await keep(name, await losses(start, count));
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function losses(start: () => Promise<Contestant>, count: number): Promise<number[]> {
  const contestant = await start();
  try {
    const all: number[] = [];
    while (all.length < count) {
      all.push(...(await contestant.steps(Math.min(stepsAtOnce, count - all.length))).losses);
    }
    return all;
  } finally {
    contestant.stop();
  }
}

/** Adds a curve to those on file and draws them all. */
async function keep(name: string, curve: number[]): Promise<void> {
  const path = image('engine-losses.json');
  const known = await readFile(path, 'utf8').catch(() => '{}');
  const curves: Curves = { ...JSON.parse(known), [name]: curve.map((loss) => Number(loss.toPrecision(7))) };
  await writeFile(path, `${JSON.stringify(curves)}\n`);
  await writeFile(image('engine-losses.svg'), await drawn(curves));
  console.log(`${name}: ${curve.length} steps, from ${curve[0]!.toFixed(4)} to ${curve.at(-1)!.toFixed(4)}`);
}

function drawn(curves: Curves): Promise<string> {
  const names = Object.keys(curves);
  const values = names.flatMap((name) => curves[name]!.map((loss, i) => ({ name, step: i + 1, loss })));
  const color = { field: 'name', type: 'nominal', sort: names, legend: { title: null } } as const;
  const spec: TopLevelSpec = {
    width: 560,
    height: 320,
    background: 'white',
    data: { values },
    mark: { type: 'line', point: { filled: true, size: 14 } },
    encoding: {
      // By their logarithm, so that curves of a few steps can be seen beside long ones.
      x: { field: 'step', type: 'quantitative', scale: { type: 'log', nice: false }, axis: { title: 'step' } },
      y: { field: 'loss', type: 'quantitative', scale: { zero: false }, axis: { title: 'loss' } },
      color,
      // Equal curves lie on one another: the later ones are drawn thinner and dashed.
      strokeWidth: { field: 'name', type: 'nominal', sort: names, scale: { range: [5, 2, 2, 2] } },
      strokeDash: {
        field: 'name',
        type: 'nominal',
        sort: names,
        scale: {
          range: [
            [1, 0],
            [1, 0],
            [4, 4],
            [2, 2],
          ],
        },
      },
    },
  };
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}
