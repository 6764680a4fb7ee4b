import type { TopLevelSpec } from 'vega-lite';
import type { Figure, LegendEntry, TableBlock } from './document.ts';
import { drawPanel } from './draw-panel.ts';

export interface LinePanel {
  title: string;
  xTitle: string;
  xFormat: string;
  yFormat: string;
  points: readonly { x: number; y: number; series: string }[];
}

export interface LineFigureSpec extends Pick<Figure, 'id' | 'title' | 'caption' | 'legend'> {
  panels: readonly LinePanel[];
  data: TableBlock;
}

/** Draws curves, one panel a part of the training. */
export async function drawLineFigure({ id, title, caption, legend, panels, data }: LineFigureSpec): Promise<Figure> {
  const drawn: { title: string; svg: string }[] = [];
  for (const panel of panels) drawn.push({ title: panel.title, svg: await drawPanel(panelSpec(panel, legend)) });
  return { id, title, caption, legend, panels: drawn, data };
}

function panelSpec({ points, xTitle, xFormat, yFormat }: LinePanel, legend: readonly LegendEntry[]): TopLevelSpec {
  const domain = legend.map(({ label }) => label);
  return {
    width: 270,
    height: 180,
    data: { values: points },
    mark: { type: 'line', strokeWidth: 1.5 },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: xTitle, axis: { format: xFormat, tickCount: 5, grid: false } },
      y: { field: 'y', type: 'quantitative', title: null, scale: { zero: false }, axis: { format: yFormat } },
      color: {
        field: 'series',
        type: 'nominal',
        legend: null,
        scale: { domain, range: legend.map(({ colour }) => colour) },
      },
      strokeDash: {
        field: 'series',
        type: 'nominal',
        legend: null,
        scale: { domain, range: legend.map(({ dash }) => dash ?? [1, 0]) },
      },
    },
  } as unknown as TopLevelSpec;
}
