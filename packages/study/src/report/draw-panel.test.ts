import { expect, test } from 'vitest';
import { drawPanel } from './draw-panel.ts';

test('places are rounded to a tenth of a pixel, and what stands on an axis is not', async () => {
  const svg = await drawPanel({
    width: 200,
    height: 100,
    data: { values: [2.9, 2.95, 3.1].map((y, x) => ({ x, y })) },
    mark: 'point',
    encoding: {
      x: { field: 'x', type: 'quantitative' },
      y: { field: 'y', type: 'quantitative', scale: { zero: false }, axis: { values: [2.9, 2.95, 3, 3.05] } },
    },
  });
  for (const label of ['2.90', '2.95', '3.00', '3.05']) expect(svg).toContain(`>${label}</text>`);
  expect(svg.match(/="[^"]*\d\.\d{2,}/g)).toBeNull();
  expect(svg).not.toMatch(/ (role|aria-[a-z]+)="/);
});
