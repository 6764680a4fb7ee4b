import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { type Method, methods, type SeedRow } from './calibrate-seeds.ts';

const path = fileURLToPath(new URL('../../packages/evals/docs/coverage-over-seeds.svg', import.meta.url));

/** Coverage over the scatter of seeds, a panel for each number of seeds, a line for each method, the band of 93 to 97 % behind them. */
export async function calibrationFigure(rows: readonly SeedRow[]): Promise<void> {
  const names = Object.keys(methods) as Method[];
  const values = rows.flatMap(({ seeds, deviation, coverage }) =>
    names.map((method) => ({
      method,
      panel: `${seeds} seeds`,
      points: 100 * deviation,
      coverage: 100 * coverage[method],
      low: 93,
      high: 97,
    })),
  );
  const scale = { domain: [70, 100], zero: false, clamp: true };
  const spec: TopLevelSpec = {
    background: 'white',
    data: { values },
    columns: 3,
    facet: { field: 'panel', type: 'nominal', title: null, sort: ['2 seeds', '3 seeds', '5 seeds'] },
    spec: {
      width: 240,
      height: 200,
      layer: [
        {
          mark: { type: 'area', color: '#cfd8dc', opacity: 0.5 },
          encoding: {
            x: { field: 'points', type: 'quantitative' },
            y: { field: 'low', type: 'quantitative', scale },
            y2: { field: 'high' },
          },
        },
        {
          mark: { type: 'line', strokeWidth: 2, point: { size: 25 } },
          encoding: {
            x: {
              field: 'points',
              type: 'quantitative',
              axis: { title: 'scatter of the seeds (points of accuracy)' },
            },
            y: {
              field: 'coverage',
              type: 'quantitative',
              scale,
              axis: { title: 'intervals that hold the truth (%)' },
            },
            color: {
              field: 'method',
              type: 'nominal',
              sort: names,
              scale: { range: ['#0b6e99', '#b3541e', '#6a4c93', '#2e7d32', '#9e9e9e'], domain: names },
              legend: { title: null, labelLimit: 0, orient: 'bottom' },
            },
          },
        },
      ],
    },
  };
  const svg = await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, svg);
  console.log(`wrote ${path}`);
}
