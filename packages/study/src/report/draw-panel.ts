import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { ink } from './palette.ts';

/** Common look of all panels: quiet axes, one typeface. */
const look = {
  background: null,
  aria: false,
  font: 'system-ui, -apple-system, "Segoe UI", sans-serif',
  axis: {
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 500,
    gridColor: ink('grid'),
    domainColor: ink('axis'),
    tickColor: ink('axis'),
    labelColor: ink('label'),
    titleColor: ink('ink'),
  },
  view: { stroke: null },
} as const;

/** Draws a Vega-Lite specification as SVG text, without a browser and without a legend: the figure has one for all its panels. */
export async function drawPanel(spec: TopLevelSpec): Promise<string> {
  const compiled = compile(spec, { config: look as never });
  const view = new View(parse(compiled.spec), { renderer: 'none' });
  try {
    return compact(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** A tenth of a pixel is as much as is seen, and half of the file; a panel is one picture to a screen reader, its marks are nothing by themselves. */
function compact(svg: string): string {
  return svg.replace(/<[^>]*>/g, (tag) =>
    tag
      .replaceAll(/ (?:role|aria-[a-z]+)="[^"]*"/g, '')
      .replace(/-?\d+\.\d{2,}/g, (number) => String(Number(Number(number).toFixed(1)))),
  );
}
