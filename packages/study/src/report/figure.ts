import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** A figure before it is drawn. */
export interface FigureSpec {
  id: string;
  title: string;
  caption: string;
  spec: TopLevelSpec;
}

/** Common look of all figures: quiet axes, one typeface, colours that stay apart for colour-blind readers. */
const look = {
  background: 'white',
  font: 'system-ui, -apple-system, "Segoe UI", sans-serif',
  axis: {
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 500,
    gridColor: '#eceff3',
    domainColor: '#9aa4b2',
    tickColor: '#9aa4b2',
    labelColor: '#38404c',
    titleColor: '#1d2430',
  },
  legend: { labelFontSize: 11, titleFontSize: 11, titleFontWeight: 500, labelColor: '#38404c' },
  header: { labelFontSize: 12, labelFontWeight: 600, titleFontSize: 12 },
  title: { fontSize: 13, fontWeight: 600, anchor: 'start', color: '#1d2430' },
  view: { stroke: null },
} as const;

/** Draws a Vega-Lite specification as SVG text, without a browser. */
export async function drawFigure(spec: TopLevelSpec): Promise<string> {
  const compiled = compile(spec, { config: look });
  const view = new View(parse(compiled.spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
