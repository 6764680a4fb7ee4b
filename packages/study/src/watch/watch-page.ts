import type { Recipe } from '../recipe.ts';
import { html, raw } from '../report/html.ts';

/** The page that asks for `state.json` every two seconds and shows it. Its numbers reach the document as text, never as markup. */
export function watchPage({ name, description }: Pick<Recipe, 'name' | 'description'>): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Watching ${name} · staged-vlm</title>
<style>${raw(style)}</style>
</head>
<body>
<header>
<p class="soft">staged-vlm · recipe <b>${name}</b></p>
<h1>When should a language model first see images?</h1>
<p class="soft">${description}</p>
<p id="now"><span id="status" role="status" aria-live="polite">Looking …</span> <a id="report" href="report/report.html" hidden>The report</a></p>
<progress id="progress" max="1" value="0" aria-label="phases done"></progress>
</header>
<main>
<section><h2>Arms</h2><p class="soft">Time left: of all that leads to an arm's evaluation, if none of it ever waits for a worker.</p>${table('arms')}</section>
<section><h2>Losses</h2><div id="curves"></div></section>
<section><h2>Scores so far</h2><p class="soft">New scenes, 95 % intervals over items. Differences between arms stand in the report.</p>${table('scores')}</section>
<section><h2>Machines</h2>${table('machines')}</section>
<section><h2>Phases</h2>${table('phases')}</section>
</main>
<script type="module">${raw(script)}</script>
</body>
</html>
`.html;
}

/** Filled again at every look; it stays, and so does how far it was scrolled. */
function table(name: string) {
  return html`<div id="${name}" class="scroll" role="region" aria-label="${name}" tabindex="0"></div>`;
}

const style = `
:root { color-scheme: light dark; --ink: #1d2430; --soft: #566072; --line: #dfe4ec; --ground: #fff; --c0: #0b6e99; --c1: #b3363f; --c2: #8a6100; --c3: #1b7f4d; --c4: #6b4fa0; --c5: #5b6675; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf2; --soft: #a3aebd; --line: #303947; --ground: #12161d; --c0: #5bb8e0; --c1: #f07f88; --c2: #edae49; --c3: #5fcf97; --c4: #b39be0; --c5: #a3aebd; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; color: var(--ink); background: var(--ground); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .2rem 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-top: 1px solid var(--line); padding-top: .8rem; } h3 { font-size: .95rem; margin: 0 0 .3rem; }
.soft { color: var(--soft); margin: .2rem 0; } #now { font-weight: 600; margin: 1rem 0 .3rem; } progress { width: 100%; accent-color: var(--c0); }
#curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1.5rem; }
svg { width: 100%; height: auto; overflow: visible; } svg text { fill: var(--soft); font-size: 11px; } path { fill: none; stroke-width: 1.5; } .axis { stroke: var(--line); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; } th, td { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; } thead th { color: var(--soft); font-weight: 500; }
td.number, th.number { text-align: right; } td progress { width: 6rem; vertical-align: middle; }
.under-way { color: var(--c0); font-weight: 600; } .stopped, .failed { color: var(--c1); } .queued { color: var(--c2); } .to-do { color: var(--soft); } a { color: var(--c0); }
`;

const script = `
const at = (id) => document.getElementById(id);
const make = (name, attributes = {}, children = []) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const draw = (name, attributes, text) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
};
// Cells are texts, nodes, or contents with attributes; the first of a row names it, and a head that begins with # is of numbers.
const table = (head, rows) => make('table', {}, [
  make('thead', {}, [make('tr', {}, head.map((text) => make('th', { scope: 'col', ...numeric(text) }, [text.replace('#', '')])))]),
  make('tbody', {}, rows.map(([name, ...cells]) => make('tr', {}, [
    make('th', { scope: 'row' }, [name]),
    ...cells.map((cell, i) => {
      const { attributes, content } = cell instanceof Node || typeof cell !== 'object' ? { content: cell } : cell;
      return make('td', { ...numeric(head[i + 1]), ...attributes }, [content ?? '']);
    }),
  ]))),
]);
const numeric = (head) => head.startsWith('#') ? { class: 'number' } : {};
const two = (value) => String(value).padStart(2, '0');
const duration = (seconds) => {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return (hours ? hours + ':' + two(minutes) : minutes) + ':' + two(whole % 60);
};
const bar = (fraction, label) => make('progress', { max: 1, value: fraction, 'aria-label': label });
const names = { encoder: 'Image encoder', main: '1 · text', branch: '2 · image and text', finetune: '3 · fine-tuning' };
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
// Each point the mean of those around it: single batches say little.
const smooth = (points) => points.map(([step], i) => [step, mean(points.slice(Math.max(0, i - 3), i + 4).map(([, loss]) => loss))]);

function figure(kind, curves) {
  const lines = curves.map(({ id, points }) => ({ id, points: smooth(points) }));
  const all = lines.flatMap(({ points }) => points);
  const [left, right] = [Math.min(...all.map(([step]) => step)), Math.max(...all.map(([step]) => step))];
  const [low, high] = [Math.min(...all.map(([, loss]) => loss)), Math.max(...all.map(([, loss]) => loss))];
  const x = (step) => 40 + (310 * (step - left)) / (right - left || 1);
  const y = (loss) => 150 - (135 * (loss - low)) / (high - low || 1);
  const svg = draw('svg', { viewBox: '0 0 360 175', role: 'img', 'aria-label': names[kind] + ': loss by step, ' + lines.length + ' runs, from ' + high.toFixed(2) + ' to ' + low.toFixed(2) });
  for (const loss of [low, (low + high) / 2, high]) {
    svg.append(draw('line', { class: 'axis', x1: 40, x2: 350, y1: y(loss), y2: y(loss) }));
    svg.append(draw('text', { x: 34, y: y(loss) + 4, 'text-anchor': 'end' }, loss.toFixed(2)));
  }
  svg.append(draw('text', { x: 40, y: 170 }, 'step ' + left), draw('text', { x: 350, y: 170, 'text-anchor': 'end' }, String(right)));
  lines.forEach(({ id, points }, i) => {
    const path = draw('path', { d: 'M' + points.map(([step, loss]) => x(step).toFixed(1) + ' ' + y(loss).toFixed(1)).join('L'), stroke: 'var(--c' + (i % 6) + ')' });
    path.append(draw('title', {}, id));
    svg.append(path);
  });
  return make('div', {}, [make('h3', {}, [names[kind] + ', ' + lines.length + (lines.length === 1 ? ' phase' : ' phases')]), svg]);
}

function show({ running, arms, phases, curves, scores, unread, hasReport }) {
  const done = phases.filter(({ state }) => state === 'done').length;
  const now = phases.filter(({ state }) => state === 'under-way');
  at('progress').value = done / phases.length;
  const what = done === phases.length ? 'Finished' : running ? 'Running: ' + (now.map(({ id }) => id).join(', ') || 'between phases') : 'Nothing is running';
  say(what + ' · ' + done + ' of ' + phases.length + ' phases done.');
  at('report').hidden = !hasReport;
  const byId = new Map(phases.map((phase) => [phase.id, phase]));
  at('arms').replaceChildren(table(['arm', 'phases', 'done', '#time left', 'at', 'state', '#loss', '#rate', 'worker'], arms.map((arm) => {
    const phase = byId.get(arm.at);
    const part = phase?.state === 'under-way' ? phase.fraction ?? 0 : 0;
    return [arm.model, arm.done + ' of ' + arm.phases, bar((arm.done + part) / arm.phases, 'phases of ' + arm.model), ...(phase
      ? [duration(arm.secondsLeft), phase.id, stateOf(phase), phase.loss?.toFixed(3), phase.rate, workerOf(phase)]
      : ['', 'evaluated', 'done', '', '', ''])];
  })));
  const kinds = Object.keys(names).filter((kind) => curves.some((curve) => curve.kind === kind));
  at('curves').replaceChildren(...(kinds.length ? kinds.map((kind) => figure(kind, curves.filter((curve) => curve.kind === kind))) : ['No phase has trained yet.']));
  const measures = [...new Set(scores.map(({ measure }) => measure))];
  const models = [...new Set(scores.map(({ model }) => model))];
  const cell = (model, measure) => {
    const row = scores.find((score) => score.model === model && score.measure === measure);
    const digits = measure === 'bits per byte' ? 3 : 1;
    return row ? row.value.toFixed(digits) + ' [' + row.low.toFixed(digits) + ', ' + row.high.toFixed(digits) + ']' : '–';
  };
  const more = unread === 0 ? [] : [make('p', { class: 'soft' }, [unread + ' more being read …'])];
  at('scores').replaceChildren(...(models.length ? [table(['arm', ...measures.map((measure) => '#' + measure)], models.map((model) => [model, ...measures.map((measure) => cell(model, measure))]))] : ['No arm has been evaluated yet.']), ...more);
  const hosts = [...new Set(phases.flatMap(({ host }) => host ?? []))];
  at('machines').replaceChildren(hosts.length ? table(['machine', 'what it is', '#done', 'at'], hosts.map((host) => {
    const own = phases.filter((phase) => phase.host === host);
    const working = own.filter(({ state }) => state === 'under-way').map(({ id }) => id);
    const what = own.find(({ machine }) => machine)?.machine ?? '';
    return [host, what.replace(host + ': ', ''), String(own.filter(({ state }) => state === 'done').length), working.join(', ')];
  })) : 'No machine has worked yet.');
  at('phases').replaceChildren(table(['phase', 'state', '#done', '#step', '#loss', '#rate', '#took', '#left', 'worker'], phases.map((phase) => [
    phase.id, stateOf(phase), phase.fraction === undefined ? '' : Math.round(100 * phase.fraction) + ' %', String(phase.step ?? ''), phase.loss?.toFixed(3), phase.rate,
    phase.seconds === undefined ? '' : duration(phase.seconds), phase.secondsLeft === undefined ? '' : duration(phase.secondsLeft), workerOf(phase),
  ])));
}
const stateOf = ({ state, note }) => ({ attributes: { class: state, ...(note ? { title: note } : {}) }, content: state.replace('-', ' ') });
const workerOf = ({ host, machine }) => host && { attributes: machine ? { title: machine } : {}, content: host };

// What is said again every two seconds would be read out again every two seconds.
const say = (text) => { if (at('status').textContent !== text) at('status').textContent = text; };

async function follow() {
  try {
    const response = await fetch('state.json');
    if (!response.ok) throw new Error(await response.text());
    show(await response.json());
  } catch (error) {
    say('No answer from staged-vlm study watch; trying again. ' + error.message);
  }
  setTimeout(follow, 2000);
}
follow();
`;
