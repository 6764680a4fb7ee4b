import type { TopLevelSpec } from 'vega-lite';
import type { Cell, Figure, LegendEntry } from './document.ts';
import { drawPanel } from './draw-panel.ts';
import { decimal } from './format-numbers.ts';

/** A value at a place of the horizontal axis, with its interval. */
export interface FigurePoint {
  x: string;
  series: string;
  value: number;
  low: number;
  high: number;
  /** Value of every seed, drawn as small dots. */
  perSeed?: readonly number[];
}

export interface PointPanel {
  title: string;
  /** Factor and digits with which values are shown. */
  scale: number;
  digits: number;
  points: readonly FigurePoint[];
}

export interface PointFigureSpec extends Pick<Figure, 'id' | 'title' | 'caption' | 'legend'> {
  xTitle: string;
  /** Places of the axis in order. */
  places: readonly string[];
  /** The places are names (arms, encoders, seeds): no line joins them, for they have no order that it could follow. */
  isNominal?: boolean | undefined;
  panels: readonly PointPanel[];
}

/** Draws values with intervals over an ordered axis, one panel a measure; the same numbers stand in the figure's table. */
export async function drawPointFigure(spec: PointFigureSpec): Promise<Figure> {
  const panels: { title: string; svg: string }[] = [];
  for (const panel of spec.panels) panels.push({ title: panel.title, svg: await drawPanel(panelSpec(spec, panel)) });
  const { id, title, caption, legend } = spec;
  return { id, title, caption, legend: usedSeries(spec), panels, data: table(spec, legend) };
}

function usedSeries({ legend, panels }: PointFigureSpec): LegendEntry[] {
  const used = new Set(panels.flatMap(({ points }) => points.map(({ series }) => series)));
  return legend.filter(({ label }) => used.has(label));
}

function panelSpec(
  { places, legend, xTitle, isNominal }: PointFigureSpec,
  { points, scale }: PointPanel,
): TopLevelSpec {
  const domain = legend.map(({ label }) => label);
  const at = ({ x, series }: FigurePoint): number =>
    places.indexOf(x) + seriesOffset * (domain.indexOf(series) - (domain.length - 1) / 2);
  const shown = points.map((point) => ({
    x: at(point),
    series: point.series,
    value: scale * point.value,
    low: scale * point.low,
    high: scale * point.high,
  }));
  const seeds = points.flatMap((point) =>
    (point.perSeed?.length ?? 0) > 1
      ? point.perSeed!.map((value) => ({ x: at(point), series: point.series, seed: scale * value }))
      : [],
  );
  const isLong = places.some((place) => place.length > 8);
  const x = {
    field: 'x',
    type: 'quantitative',
    title: xTitle,
    scale: { domain: [-0.4, places.length - 0.6], nice: false, zero: false },
    axis: {
      values: places.map((_, i) => i),
      labelExpr: `${JSON.stringify(places)}[datum.value]`,
      labelAngle: isLong ? -35 : 0,
      labelLimit: 170,
      labelOverlap: false,
      grid: false,
    },
  };
  const y = (field: string) => ({ field, type: 'quantitative', title: null, scale: { zero: false, nice: true } });
  const bySeries = (range: readonly unknown[]) => ({
    field: 'series',
    type: 'nominal',
    legend: null,
    scale: { domain, range },
  });
  const color = bySeries(legend.map(({ colour }) => colour));
  const strokeDash = bySeries(legend.map(({ dash }) => dash ?? [1, 0]));
  const line = {
    data: { values: shown },
    mark: { type: 'line', strokeWidth: 1.5 },
    encoding: { x, y: y('value'), color, strokeDash },
  };
  return {
    width: Math.max(270, 30 * places.length),
    height: 180,
    layer: [
      {
        data: { values: shown.filter(({ low, high }) => low !== high) },
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { x, y: y('low'), y2: { field: 'high' }, color },
      },
      {
        data: { values: seeds },
        mark: { type: 'point', filled: false, size: 14, strokeWidth: 1, opacity: 0.8 },
        encoding: { x, y: y('seed'), color },
      },
      ...(isNominal ? [] : [line]),
      {
        data: { values: shown },
        mark: { type: 'point', filled: true, size: 40, opacity: 1 },
        encoding: { x, y: y('value'), color },
      },
    ],
  } as unknown as TopLevelSpec;
}

/** Places by which neighbouring series stand apart, so that their intervals can be told. */
const seriesOffset = 0.07;

function table(spec: PointFigureSpec, legend: readonly LegendEntry[]): Figure['data'] {
  const rows = spec.places.flatMap((x) =>
    legend.flatMap(({ label }): Cell[][] => {
      const cells = spec.panels.map((panel) => numberCell(panel, x, label));
      if (cells.every((cell) => cell === none)) return [];
      return [[legend.length > 1 ? `${x} · ${label}` : x, ...cells]];
    }),
  );
  return {
    kind: 'table',
    caption: `Numbers of the figure “${spec.title}”`,
    head: [spec.xTitle, ...spec.panels.map(({ title }) => title)],
    rows,
  };
}

const none = '–';

function numberCell({ points, scale, digits }: PointPanel, x: string, series: string): Cell {
  const point = points.find((candidate) => candidate.x === x && candidate.series === series);
  if (!point) return none;
  const show = (value: number): string => decimal(scale * value, digits);
  if (point.low === point.high) return show(point.value);
  return { text: show(point.value), note: `[${show(point.low)}, ${show(point.high)}]` };
}
