import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Simulated } from './simulate.ts';

/** Two panels over the size of the cluster: the time to the end beside what bounds it, and the share of the GPUs at work. */
export async function gridFigure(results: readonly Simulated[], models: number): Promise<string> {
  const days = (hours: number): number => hours / 24;
  const times = results.flatMap(({ gpus, makespanHours, workBoundHours, chainBoundHours }) => [
    { gpus, what: 'the whole grid', days: days(makespanHours) },
    { gpus, what: 'all work on all GPUs', days: days(workBoundHours) },
    { gpus, what: 'longest chain alone', days: days(chainBoundHours) },
  ]);
  const size = {
    field: 'gpus',
    type: 'quantitative' as const,
    scale: { type: 'log' as const, base: 2, domain: [results[0]!.gpus, results.at(-1)!.gpus] },
    axis: { title: 'A100s', values: results.map(({ gpus }) => gpus), grid: false },
  };
  const names = ['the whole grid', 'all work on all GPUs', 'longest chain alone'];
  const spec: TopLevelSpec = {
    background: 'white',
    spacing: 48,
    config: { font: 'system-ui, sans-serif', axis: { titleFontWeight: 'normal', gridColor: '#e6e9ee' } },
    hconcat: [
      {
        title: { text: `${models} models: days to the end`, anchor: 'start' },
        width: 380,
        height: 280,
        data: { values: times },
        mark: { type: 'line', point: { size: 40 } },
        encoding: {
          x: size,
          y: {
            field: 'days',
            type: 'quantitative',
            scale: { type: 'log' },
            axis: { title: 'days', format: '~s', tickCount: 6 },
          },
          color: {
            field: 'what',
            type: 'nominal',
            scale: { domain: names, range: ['#0b6e99', '#b3363f', '#8a6100'] },
            legend: { title: null, orient: 'bottom', labelLimit: 0 },
          },
          strokeDash: {
            field: 'what',
            type: 'nominal',
            scale: {
              domain: names,
              range: [
                [1, 0],
                [6, 3],
                [2, 3],
              ],
            },
            legend: null,
          },
        },
      },
      {
        title: { text: 'GPUs at work', anchor: 'start' },
        width: 280,
        height: 280,
        data: { values: results.map(({ gpus, utilisation }) => ({ gpus, utilisation })) },
        mark: { type: 'line', point: { size: 40 }, color: '#0b6e99' },
        encoding: {
          x: size,
          y: {
            field: 'utilisation',
            type: 'quantitative',
            scale: { domain: [0, 1] },
            axis: { title: 'share of GPU hours until the end', format: '.0%' },
          },
        },
      },
    ],
  };
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}
