import { expect, test } from 'vitest';
import { drawPointFigure } from './point-figure.ts';

const points = ['124', '7', '365'].map((x, i) => ({ x, series: 'score', value: i, low: i - 1, high: i + 1 }));
const draw = (isNominal: boolean) =>
  drawPointFigure({
    id: 'f',
    title: 'Scores',
    caption: '',
    legend: [{ label: 'score', colour: 'black' }],
    xTitle: 'seed',
    places: ['124', '7', '365'],
    isNominal,
    panels: [{ title: 'Score', scale: 1, digits: 1, points }],
  });

test('a line joins places in order, and none joins places that are names', async () => {
  const [ordered, named] = [await draw(false), await draw(true)].map(({ panels }) => panels[0]!.svg);
  expect(ordered).toContain('mark-line');
  expect(named).not.toContain('mark-line');
  expect(named).toContain('mark-symbol');
});
