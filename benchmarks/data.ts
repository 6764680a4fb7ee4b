import { mixtureBenchmark } from './data/mixture.ts';
import { picturesBenchmark } from './data/pictures.ts';
import type { BenchRow } from './data/row.ts';
import { shardsBenchmark } from './data/shards.ts';
import { tokensBenchmark } from './data/tokens.ts';

/** The data libraries, one section each: `shards` webdataset-ts, `mixture` mixture-sampler, `tokens` tokenizer, `pictures` image-patcher. */
const sections = {
  shards: shardsBenchmark,
  mixture: mixtureBenchmark,
  tokens: tokensBenchmark,
  pictures: picturesBenchmark,
};
type Section = keyof typeof sections;

/**
 * `npm run bench -- data`: each data library beside its peers.
 *
 * @param options.only sections by name, separated by commas; all unless given
 * @param options.json prints `{ section: rows }` as one last line
 */
export async function dataBenchmark(options: { only?: string; json?: boolean } = {}): Promise<void> {
  const names = options.only?.split(',') ?? Object.keys(sections);
  for (const name of names)
    if (!Object.hasOwn(sections, name))
      throw new Error(`Expected --only with ${Object.keys(sections).join(', ')}, got ${name}.`);
  const results: Record<string, BenchRow[]> = {};
  for (const name of names as Section[]) {
    const rows = await sections[name]();
    results[name] = rows;
    console.log(`\n${name}\n${table(rows)}`);
  }
  if (options.json) console.log(JSON.stringify(results));
}

function table(rows: readonly BenchRow[]): string {
  const cells = [
    ['', 'ours', 'theirs', 'ratio', 'unit', 'note'],
    ...rows.map((row) => [
      row.name,
      figure(row.ours),
      row.theirs === null ? '-' : figure(row.theirs),
      row.ratio === null ? '-' : `${row.ratio.toFixed(2)}×`,
      row.unit,
      row.note,
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: string[]): string =>
    row
      .map((cell, i) => (i >= 1 && i <= 3 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return cells.map(line).join('\n');
}

/** Three digits that count: 12,345 · 123 · 12.3 · 0.0123. */
function figure(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}
