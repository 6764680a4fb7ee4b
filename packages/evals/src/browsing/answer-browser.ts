/** A page on which two models' answers to the same questions can be looked through, with the pictures: who wins where, and how. */
import { EvalsError } from '../errors.ts';
import { groupBy } from '../group-by.ts';
import { type Comparison, compare } from '../statistics/compare.ts';
import { answerShares } from '../statistics/summarise.ts';
import type { EvalRow } from '../types.ts';
import { browserScript, browserStyle } from './browser-page.ts';

export interface BrowsedModel {
  name: string;
  rows: readonly EvalRow[];
}

export interface AnswerBrowserOptions {
  title: string;
  /** Address of an item's picture: a data URL (the page then needs nothing beside it) or a path relative to the page. */
  picture?: (row: EvalRow) => string | undefined;
  /** Seed of the intervals. */
  seed: string | number;
}

/** One question, both answers. */
export interface Duel {
  id: string;
  task: string;
  split: string;
  type: string;
  condition: string;
  prompt: string;
  expected: string;
  a: string;
  b: string;
  scoreA: number;
  scoreB: number;
  /** In means; 1 where absent. */
  weight?: number;
  /** The picture, where several questions are asked about one: they are no further evidence each. */
  cluster?: string;
  /** Which of the page's pictures. */
  picture?: number;
}

/**
 * Questions that both were asked under the same condition, in the order of the first.
 * @throws EvalsError NOT_PAIRED when there is none
 */
export function duels(a: BrowsedModel, b: BrowsedModel): Duel[] {
  const keyOf = ({ id, task, condition }: EvalRow): string => JSON.stringify([task, condition, id]);
  const theirs = new Map(b.rows.map((row) => [keyOf(row), row]));
  const found = a.rows.flatMap((row): Duel[] => {
    const other = theirs.get(keyOf(row));
    if (!other) return [];
    const { id, task, split, type, condition, prompt, expected } = row;
    const weight = row.weight === undefined ? {} : { weight: row.weight };
    const cluster = row.cluster ?? other.cluster;
    const scores = { scoreA: row.score, scoreB: other.score, ...weight, ...(cluster === undefined ? {} : { cluster }) };
    return [{ id, task, split, type, condition, prompt, expected, a: row.output, b: other.output, ...scores }];
  });
  if (found.length === 0)
    throw new EvalsError('NOT_PAIRED', `Answer browser: ${a.name} and ${b.name} were asked no question in common.`);
  return found;
}

/**
 * The page: filters by task, question type, split and who wins; arrow keys go through the questions. One HTML file without anything from
 * the network; light and dark; readable without scripts as far as the table of tasks goes.
 *
 * @throws EvalsError NOT_PAIRED
 * @example await writeFile('duel.html', answerBrowser({ name: 'branch-80', rows }, { name: 'branch-100', rows: others }, { title: 'Quick', seed: 1 }));
 */
export function answerBrowser(a: BrowsedModel, b: BrowsedModel, options: AnswerBrowserOptions): string {
  const byKey = new Map(a.rows.map((row) => [`${row.task}/${row.condition}/${row.id}`, row]));
  const pictures = new Map<string, number>(); // each stands in the page once, however often it is asked about
  const all = duels(a, b).map((duel) => {
    const picture = options.picture?.(byKey.get(`${duel.task}/${duel.condition}/${duel.id}`)!);
    if (picture === undefined) return duel;
    if (!pictures.has(picture)) pictures.set(picture, pictures.size);
    return { ...duel, picture: pictures.get(picture)! };
  });
  const content = { a: a.name, b: b.name, pictures: [...pictures.keys()], duels: all };
  const data = JSON.stringify(content).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(a.name)} against ${escaped(b.name)} · ${escaped(options.title)}</title>
<style>${browserStyle}</style>
</head>
<body>
<header>
<p class="eyebrow">${escaped(options.title)}</p>
<h1><span class="a">${escaped(a.name)}</span> against <span class="b">${escaped(b.name)}</span></h1>
</header>
<main>
${taskTable(a, b, all, options.seed)}
${answerTable(a, b, all)}
<section aria-label="Questions">
<form id="filters" aria-label="Which questions">
<label>task <select name="task"></select></label>
<label>type <select name="type"></select></label>
<label>split <select name="split"></select></label>
<label>seen <select name="condition"></select></label>
<fieldset><legend>who is right</legend>
<label><input type="radio" name="who" value="" checked>all</label>
<label><input type="radio" name="who" value="a">${escaped(a.name)} wins</label>
<label><input type="radio" name="who" value="b">${escaped(b.name)} wins</label>
<label><input type="radio" name="who" value="both">both right</label>
<label><input type="radio" name="who" value="none">neither</label>
</fieldset>
</form>
<p id="count" role="status"></p>
<ol id="duels"></ol>
<p><button id="more" type="button">show more</button></p>
</section>
</main>
<script type="application/json" id="data">${data}</script>
<script>${browserScript}</script>
</body>
</html>
`;
}

function taskTable(a: BrowsedModel, b: BrowsedModel, all: readonly Duel[], seed: string | number): string {
  const groups = groupBy(
    all.filter(({ condition }) => condition === 'image' || condition === 'text'),
    ({ task }) => task,
  );
  const rows = [...groups].map(([name, own]) => {
    const lead = lessIsBetter(name) ? -1 : 1;
    const wins = own.filter(({ scoreA, scoreB }) => lead * (scoreA - scoreB) > 0).length;
    const losses = own.filter(({ scoreA, scoreB }) => lead * (scoreA - scoreB) < 0).length;
    const cells = [own.length, wins, losses, own.length - wins - losses].map((value) => `<td>${value}</td>`).join('');
    return `<tr><th scope="row">${escaped(name)}</th>${cells}<td>${escaped(verdict(a, b, own, `${seed}/${name}`))}</td></tr>`;
  });
  return `<table>
<caption>Questions that both were asked, with their own picture. A win is a better score on one question.</caption>
<thead><tr><th scope="col">task</th><th scope="col">questions</th><th scope="col">${escaped(a.name)} wins</th><th scope="col">${escaped(b.name)} wins</th><th scope="col">equal</th><th scope="col">together</th></tr></thead>
<tbody>${rows.join('\n')}</tbody>
</table>`;
}

/** What was said, whatever was right, and what is right: a model that always says the same shows it here. */
function answerTable(a: BrowsedModel, b: BrowsedModel, all: readonly Duel[]): string {
  const asked = all.filter(({ condition }) => condition === 'image');
  const said = (outputs: readonly string[]): string => {
    const { shareOfYes, distinct, top } = answerShares(
      outputs.map((output) => ({ output })),
      3,
    );
    const percent = (share: number): string => `${Math.round(100 * share)} %`;
    const yes = shareOfYes === undefined ? '' : ` · ${percent(shareOfYes)} yes`;
    const most = top.map(({ answer, share }) => `${answer || '(nothing)'} ${percent(share)}`).join(', ');
    return `<td>${escaped(`${most}${yes} · ${distinct} in all`)}</td>`;
  };
  const rows = [...new Set(asked.map(({ task }) => task))].flatMap((task) => {
    const own = asked.filter((duel) => duel.task === task);
    const isRepeated = new Set(own.map(({ expected }) => expected)).size < own.length / 2;
    return isRepeated
      ? [
          `<tr><th scope="row">${escaped(task)}</th>${said(own.map((duel) => duel.a))}${said(own.map((duel) => duel.b))}${said(own.map(({ expected }) => expected))}</tr>`,
        ]
      : []; // boxes and captions: hardly any answer occurs twice
  });
  if (rows.length === 0) return '';
  return `<table>
<caption>The most frequent answers of each, and of the truth.</caption>
<thead><tr><th scope="col">task</th><th scope="col">${escaped(a.name)}</th><th scope="col">${escaped(b.name)}</th><th scope="col">right</th></tr></thead>
<tbody>${rows.join('\n')}</tbody>
</table>`;
}

const lessIsBetter = (task: string): boolean => task === 'bits-per-byte';

/** In the words of `compare`. */
function verdict(a: BrowsedModel, b: BrowsedModel, own: readonly Duel[], seed: string): string {
  if (own.length < 2) return 'too few questions to tell';
  const better: 'higher' | 'lower' = lessIsBetter(own[0]!.task) ? 'lower' : 'higher';
  const run = (name: string, score: (duel: Duel) => number) => ({
    name,
    runs: [
      own.map((duel) => ({
        id: duel.id,
        score: score(duel),
        ...(duel.weight === undefined ? {} : { weight: duel.weight }),
        ...(duel.cluster === undefined ? {} : { cluster: duel.cluster }),
      })),
    ],
  });
  const result: Comparison = compare(
    run(a.name, ({ scoreA }) => scoreA),
    run(b.name, ({ scoreB }) => scoreB),
    { seed, better },
  );
  return result.sentence;
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (sign) => entities[sign]!);
}
