import type { TopLevelSpec } from 'vega-lite';
import { mainSteps } from '../graph.ts';
import { armModels } from './arm-models.ts';
import type { FigureSpec } from './figure.ts';
import { branchColours } from './palette.ts';
import type { CurvePoint, StudyResults } from './results.ts';

export function scheduleFigure(results: StudyResults): FigureSpec {
  const { recipe } = results;
  const main = (results.mainCurves[0]?.points ?? []).map((point) => ({
    series: 'main run',
    tokens: point.tokens,
    lr: point.lr,
  }));
  const branches = firstSeedArms(results).flatMap((model) =>
    (model.curves.branch ?? []).map((point) => ({
      series: model.label,
      tokens: (model.branchTokens ?? 0) + point.tokens,
      lr: point.lr,
    })),
  );
  return {
    id: 'schedules',
    title: 'Learning rates of the main run and of every branch (the paper’s Fig. 3)',
    caption: `Continued branches start at the main run’s rate; those at 0 and 100 % warm up again. Main run: ${mainSteps(recipe)} steps.`,
    spec: {
      data: { values: [...main, ...branches] },
      width: 720,
      height: 230,
      mark: { type: 'line', strokeWidth: 2 },
      encoding: {
        x: { field: 'tokens', type: 'quantitative', title: 'tokens seen (main run + branch)', axis: { format: '~s' } },
        y: { field: 'lr', type: 'quantitative', title: 'learning rate', axis: { format: '.1e' } },
        color: seriesColour(results),
      },
    } as TopLevelSpec,
  };
}

export function lossFigure(results: StudyResults): FigureSpec {
  const phases = [
    ...(results.mainCurves[0] ? [{ phase: '1 · text', series: 'main run', points: results.mainCurves[0].points }] : []),
    ...firstSeedArms(results).map((model) => ({
      phase: '2 · image-text',
      series: model.label,
      points: model.curves.branch ?? [],
    })),
    ...firstSeedArms(results).map((model) => ({
      phase: '3 · fine-tuning',
      series: model.label,
      points: model.curves.finetune ?? [],
    })),
  ];
  const values = phases.flatMap(({ phase, series, points }) =>
    smooth(points).map((point) => ({ phase, series, tokens: point.tokens, loss: point.loss })),
  );
  return {
    id: 'losses',
    title: 'Training loss in the three phases',
    caption:
      'Nats per token that carries loss, a running mean over a fiftieth of the phase. Losses of different phases are over different data.',
    spec: {
      data: { values },
      facet: { field: 'phase', type: 'nominal', title: null, columns: 3 },
      spec: {
        width: 230,
        height: 200,
        mark: { type: 'line', strokeWidth: 1.5 },
        encoding: {
          x: {
            field: 'tokens',
            type: 'quantitative',
            title: 'tokens of the phase',
            axis: { format: '~s', tickCount: 4 },
          },
          y: { field: 'loss', type: 'quantitative', title: 'loss', scale: { zero: false } },
          color: seriesColour(results),
        },
      },
      resolve: { scale: { x: 'independent', y: 'independent' } },
    } as TopLevelSpec,
  };
}

function seriesColour(results: StudyResults) {
  const labels = firstSeedArms(results).map((model) => model.label);
  return {
    field: 'series',
    type: 'nominal',
    title: null,
    scale: { domain: ['main run', ...labels], range: ['#9aa4b2', ...branchColours(labels.length)] },
  };
}

function firstSeedArms(results: StudyResults) {
  return armModels(results).filter((model) => model.seed === results.recipe.seeds[0]);
}

/** Running mean over a fiftieth of the points, thinned to about two hundred. */
function smooth(points: readonly CurvePoint[]): CurvePoint[] {
  const window = Math.max(1, Math.floor(points.length / 50));
  const stride = Math.max(1, Math.floor(points.length / 200));
  const smoothed: CurvePoint[] = [];
  for (let i = 0; i < points.length; i += stride) {
    const part = points.slice(Math.max(0, i - window + 1), i + 1);
    smoothed.push({ ...points[i]!, loss: part.reduce((sum, point) => sum + point.loss, 0) / part.length });
  }
  return smoothed;
}
