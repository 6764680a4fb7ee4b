import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { checkpoints, mixtureDeviations } from './mixture.ts';

const path = fileURLToPath(new URL('../../packages/mixture-sampler/docs/deviation.svg', import.meta.url));

/** `npm run bench -- mixture-figure`: distance from the targets by tokens delivered, one line for each rule. */
export async function mixtureFigure(): Promise<void> {
  const deviations = await mixtureDeviations();
  const values = deviations.flatMap(({ name, worst }) =>
    worst.map((tokens, k) => ({ name, total: checkpoints[k]!, tokens })),
  );
  const spec: TopLevelSpec = {
    width: 560,
    height: 320,
    background: 'white',
    data: { values },
    mark: { type: 'line', strokeWidth: 2 },
    encoding: {
      x: {
        field: 'total',
        type: 'quantitative',
        scale: { type: 'log' },
        axis: { title: 'tokens delivered by the mixture', format: '~s', tickCount: 6 },
      },
      y: {
        field: 'tokens',
        type: 'quantitative',
        scale: { type: 'log' },
        axis: { title: 'largest distance from a target so far (tokens)', format: '~s', tickCount: 6 },
      },
      color: {
        field: 'name',
        type: 'nominal',
        sort: deviations.map(({ name }) => name),
        scale: { scheme: 'tableau10' },
        legend: { title: null, labelLimit: 0 },
      },
    },
  };
  const svg = await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, svg);
  console.log(`wrote ${path}`);
}
