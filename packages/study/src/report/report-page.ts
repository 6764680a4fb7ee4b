import { mainSteps } from '../graph.ts';
import { hardwareText } from '../hardware.ts';
import type { PhaseHardware } from '../store.ts';
import { armModels } from './arm-models.ts';
import { type Figure, isMainMetric } from './figures.ts';
import { findings, limits } from './findings.ts';
import { type Html, html, raw } from './html.ts';
import { reportStyle } from './report-style.ts';
import type { Comparison, ModelResult, SampleAnswer, ScoreRow, StudyResults } from './results.ts';
import { sweepSections } from './sweep-sections.ts';

/** The whole report as one HTML page that needs nothing beside it. */
export function reportPage(results: StudyResults, figures: readonly Figure[]): string {
  const { recipe } = results;
  const figure = (id: string): Html => figureBlock(figures.find((candidate) => candidate.id === id));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>When should a language model first see images? · ${recipe.name}</title>
<style>${raw(reportStyle)}</style>
</head>
<body>
<header>
<p class="eyebrow">staged-vlm · recipe <b>${recipe.name}</b> · ${results.recipeHash}</p>
<h1>When should a language model first see images?</h1>
<p class="lead">${recipe.description}</p>
</header>
<section class="findings"><h2>What was found</h2><ul>${findings(results).map((sentence) => html`<li>${sentence}</li>`)}</ul></section>
<section class="limits"><h2>What this corpus cannot show</h2><ul>${limits(results).map((sentence) => html`<li>${sentence}</li>`)}</ul></section>
<section><h2>What was compared</h2>${designTable(results)}</section>
<section><h2>Scores against branch point</h2>${figure('vision-by-branch-point')}${figure('open-vqa-by-split')}${figure('text-by-branch-point')}</section>
${
  results.recipe.sweeps
    ? html`<section><h2>Sweep by sweep</h2>${sweepSections(results)}</section>
`
    : html``
}<section><h2>Every arm, with intervals and baselines</h2>${scoreTables(results)}</section>
<section><h2>Arm against arm</h2>${comparisonTable(results)}</section>
<section><h2>Where the points come from</h2>${figure('by-question-type')}${samples(results)}</section>
<section><h2>Training</h2>${figure('schedules')}${figure('losses')}${accountTable(results)}</section>
<section><h2>How it was made</h2>${provenance(results)}</section>
<footer><p>Numbers: <a href="results.json">results.json</a>, <a href="scores.csv">scores.csv</a>. Figures as SVG: <code>figures/</code>.</p></footer>
</body>
</html>
`.html;
}

function figureBlock(figure: Figure | undefined): Html {
  if (!figure) return html``;
  return html`<figure id="${figure.id}"><h3>${figure.title}</h3><div class="plot">${raw(figure.svg)}</div><figcaption>${figure.caption}</figcaption></figure>`;
}

function designTable(results: StudyResults): Html {
  const { recipe } = results;
  const rows = recipe.arms.map(
    (arm) =>
      html`<tr><th>${arm.id}</th><td>${percent(arm.branchPoint)}</td><td>${arm.schedule}${arm.schedule === 'rewarm' ? ` to ${arm.lrPeak ?? recipe.branch.rewarmPeak}` : ''}</td><td>${percent(arm.imageShare ?? recipe.branch.imageShare)}</td><td>${count(arm.tokens ?? recipe.branch.tokens)}</td></tr>`,
  );
  const parameters = results.models.find((model) => model.arm)?.parameters;
  return html`<p>One main run of ${count(recipe.main.tokens)} text tokens (${mainSteps(recipe)} steps)${parameters ? `, a model of ${count(parameters)} parameters` : ''}; each arm leaves it at its branch point, learns image-caption pairs mixed with text, and is fine-tuned on the same conversations. Seeds: ${recipe.seeds.join(', ')}.</p>
<table><thead><tr><th>arm</th><th>images enter at</th><th>learning rate in phase 2</th><th>image share (tokens)</th><th>tokens in phase 2</th></tr></thead><tbody>${rows}</tbody></table>`;
}

const conditionHeads: [ScoreRow['condition'], string][] = [
  ['image', 'its own picture'],
  ['no-image', 'no picture'],
  ['wrong-image', 'another item’s picture'],
  ['majority', 'majority'],
  ['chance', 'chance'],
];

function scoreTables(results: StudyResults): Html {
  const rows = results.models.flatMap((model) =>
    model.scores.filter((row) => row.suite === 'vision' && row.type === 'all' && isShown(row)),
  );
  const vision = unique(rows.map((row) => `${row.task}\t${row.split}\t${row.metric}`)).map((key) => {
    const [task, split, metric] = key.split('\t') as [string, string, string];
    const own = rows.filter((row) => row.task === task && row.split === split && row.metric === metric);
    const heads = conditionHeads.filter(([condition]) => own.some((row) => row.condition === condition));
    const body = armModels(results).map((model) => {
      const cells = heads.map(
        ([condition]) => html`<td>${estimate(find(model, { task, split, metric, condition }))}</td>`,
      );
      return html`<tr><th>${model.label}</th>${cells}</tr>`;
    });
    return html`<h3>${task} · ${split}${task === 'vision score' ? '' : ` · ${metric}`} <small>${own[0]!.n} items</small></h3><table class="scores"><thead><tr><th>arm</th>${heads.map(([, head]) => html`<th>${head}</th>`)}</tr></thead><tbody>${body}</tbody></table>`;
  });
  return html`${vision}${textTable(results)}`;
}

/** A task's main metric, and for captions the field's own beside it; the rest stands in scores.csv. */
function isShown(row: ScoreRow): boolean {
  return isMainMetric(row) || (row.task === 'captioning' && row.metric === 'ciderD');
}

function textTable(results: StudyResults): Html {
  const keys = unique(
    results.models.flatMap((model) =>
      model.scores
        .filter((row) => row.suite === 'text' && row.type === 'all' && row.condition === 'text' && isMainMetric(row))
        .map((row) => `${row.task}\t${row.split}\t${row.metric}`),
    ),
  );
  const rows = results.models.map((model) => {
    const cells = keys.map((key) => {
      const [task, split, metric] = key.split('\t') as [string, string, string];
      return html`<td>${estimate(find(model, { task, split, metric, condition: 'text' }), task === 'bits-per-byte')}</td>`;
    });
    return html`<tr><th>${model.label}</th>${cells}</tr>`;
  });
  return html`<h3>text</h3><table class="scores"><thead><tr><th>model</th>${keys.map((key) => html`<th>${key.split('\t')[0]!}<br><small>${key.split('\t')[2]!}</small></th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

function comparisonTable(results: StudyResults): Html {
  if (results.comparisons.length === 0) return html`<p>One arm only: nothing to compare.</p>`;
  const rows = results.comparisons.map(
    (row) =>
      html`<tr><th>${row.a} − ${row.b}</th><td>${row.measure}</td><td>${difference(row)}</td><td>${row.pValue < 0.001 ? '< .001' : row.pValue.toFixed(3)}</td><td>${row.verdict}</td></tr>`,
  );
  return html`<p>Paired on the same items; p-values adjusted for the number of comparisons (Holm). Items vary here, seeds do not unless the recipe names several.</p>
<table><thead><tr><th>arms</th><th>measure</th><th>difference, 95 % interval</th><th>p</th><th>verdict</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function samples(results: StudyResults): Html {
  const cards = results.samples.map((sample) => sampleCard(sample));
  return html`<h3>Sample answers</h3><p>Drawn by the recipe’s seed, not chosen.</p><div class="cards">${cards}</div>`;
}

function sampleCard(sample: SampleAnswer): Html {
  const answers = sample.answers.map(
    (answer) =>
      html`<tr class="${answer.score >= 0.5 ? 'right' : 'wrong'}"><th>${answer.model}</th><td>${answer.output || '(nothing)'}</td></tr>`,
  );
  return html`<article class="card"><img alt="" src="data:image/png;base64,${sample.image}"><p class="question">${sample.question}</p><p class="expected">${sample.expected} <small>${sample.task}, ${sample.type}, ${sample.split}</small></p><table>${answers}</table></article>`;
}

function accountTable(results: StudyResults): Html {
  const rows = armModels(results).flatMap((model) =>
    model.accounts.map(
      (account) =>
        html`<tr><th>${model.label}</th><td>${account.phase}</td><td>${account.source}</td><td>${percent(account.plannedShare, 2)}</td><td>${Math.round(account.plannedTokens).toLocaleString('en')}</td><td>${account.deliveredTokens.toLocaleString('en')}</td><td>${account.truncatedTokens.toLocaleString('en')}</td><td>${account.paddingTokens.toLocaleString('en')}</td></tr>`,
    ),
  );
  return html`<h3>Tokens, planned and delivered</h3><table><thead><tr><th>arm</th><th>phase</th><th>source</th><th>planned share</th><th>planned tokens</th><th>delivered tokens</th><th>cut off</th><th>padding of the phase</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function provenance(results: StudyResults): Html {
  const facts: [string, string][] = [
    [
      'machine',
      `${results.machine.cpu}, ${results.machine.cores} cores, ${(results.machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${results.machine.platform}`,
    ],
    [
      'versions',
      Object.entries(results.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['seeds', results.recipe.seeds.join(', ')],
    [
      'skipped under a policy',
      Object.keys(results.skipped).length === 0
        ? 'nothing'
        : Object.entries(results.skipped)
            .map(([what, n]) => `${what}: ${n}`)
            .join(', '),
    ],
    [
      'encoder',
      Object.entries(results.encoder)
        .map(
          ([name, value]) =>
            `${name} ${typeof value === 'number' ? Number(value.toPrecision(4)) : JSON.stringify(value)}`,
        )
        .join(', '),
    ],
  ];
  const phases = results.phases.map(
    (phase) =>
      html`<tr><th>${phase.id}</th><td><code>${phase.hash}</code></td><td>${phase.seconds.toFixed(1)} s</td><td>${(phase.peakBytes / 2 ** 20).toFixed(0)} MiB</td><td>${phase.hardware ? phaseHardwareText(phase.hardware) : ''}</td></tr>`,
  );
  return html`<table class="facts"><tbody>${facts.map(([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>`)}</tbody></table>
<details><summary>Phases: identity, time, peak memory, machine</summary><table><tbody>${phases}</tbody></table></details>
<details><summary>The recipe</summary><pre>${JSON.stringify(results.recipe, null, 2)}</pre></details>`;
}

function find(model: ModelResult, wanted: Partial<ScoreRow>): ScoreRow | undefined {
  return model.scores.find(
    (row) =>
      row.type === 'all' &&
      (Object.entries(wanted) as [keyof ScoreRow, unknown][]).every(([key, value]) => row[key] === value),
  );
}

function estimate(row: ScoreRow | undefined, isRate = false): Html {
  if (!row) return html`<span class="none">–</span>`;
  const show = (value: number): string => (isRate ? value.toFixed(3) : (100 * value).toFixed(1));
  if (row.low === row.value && row.high === row.value) return html`${show(row.value)}`;
  return html`${show(row.value)} <small>[${show(row.low)}, ${show(row.high)}]</small>`;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function percent(value: number, digits = 0): string {
  return `${(100 * value).toFixed(digits)} %`;
}

/** Points of a hundred for scores, bits for bits per byte. */
function difference({ measure, difference, low, high }: Comparison): Html {
  const [factor, digits] = measure === 'bits per byte' ? [1, 3] : [100, 1];
  const show = (value: number): string => signed(factor * value, digits);
  return html`${show(difference)} <small>[${show(low)}, ${show(high)}]</small>`;
}

function signed(value: number, digits: number): string {
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(digits)}`;
}

function count(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)}B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(0)}k` : String(value);
}

function phaseHardwareText(hardware: PhaseHardware): string {
  const { threads } = hardware;
  const used = threads === undefined ? '' : `; ${threads} ${threads === 1 ? 'thread' : 'threads'} used`;
  return `${hardwareText(hardware)}${used}`;
}
