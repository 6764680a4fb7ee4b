/** Style and script of the answer browser, as they stand in the page. */

export const browserStyle = `
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fdfcfa; --soft: #f0eeea; --line: #d6d2ca; --a: #0b6e99; --b: #b3541e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e4de; --paper: #16191c; --soft: #20252a; --line: #3a4148; --a: #5cb8de; --b: #f0a070; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header, main { max-width: 76rem; margin: 0 auto; padding: 1rem 1.25rem; }
.eyebrow { margin: 0; opacity: .7; }
h1 { margin: 0; font-size: 1.6rem; }
.a { color: var(--a); } .b { color: var(--b); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; margin-bottom: 1.5rem; }
caption { text-align: left; opacity: .7; padding-bottom: .4rem; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { font-weight: 600; } tbody th { font-weight: 400; }
form { display: flex; flex-wrap: wrap; gap: .75rem 1.25rem; align-items: center; background: var(--soft); padding: .75rem 1rem; border-radius: .5rem; }
fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .25rem .9rem; } legend { float: left; margin-right: .75rem; }
select, button { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .3rem; padding: .15rem .5rem; }
ol { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); gap: 1rem; }
li { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; display: grid; grid-template-columns: 96px 1fr; gap: .75rem; }
li:focus { outline: 3px solid var(--a); outline-offset: 1px; }
img { width: 96px; height: 96px; object-fit: contain; image-rendering: pixelated; background: var(--soft); border-radius: .25rem; }
li.bare { grid-template-columns: 1fr; }
.question { font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 .3rem; }
.kind { font-size: .8rem; opacity: .7; margin: 0 0 .3rem; }
dl { margin: 0; display: grid; grid-template-columns: auto 1fr; gap: 0 .6rem; } dt { opacity: .8; } dd { margin: 0; overflow-wrap: anywhere; }
dd b { font-weight: 600; }
@media print { form, #more { display: none; } li { break-inside: avoid; } }
`;

export const browserScript = `
const { a, b, pictures, duels } = JSON.parse(document.getElementById('data').textContent);
const form = document.getElementById('filters');
const list = document.getElementById('duels');
const count = document.getElementById('count');
const more = document.getElementById('more');
const PAGE = 48;
let shown = [];
let limit = PAGE;

const fill = (name) => {
  const values = [...new Set(duels.map((duel) => duel[name]))].sort();
  form.elements[name].append(new Option('all', ''), ...values.map((value) => new Option(value, value)));
};
for (const name of ['task', 'type', 'split', 'condition']) fill(name);
if ([...form.elements.condition.options].some((option) => option.value === 'image')) form.elements.condition.value = 'image';

const lessIsBetter = (duel) => duel.task === 'bits-per-byte';
const wins = (duel) => {
  const lead = (duel.scoreA - duel.scoreB) * (lessIsBetter(duel) ? -1 : 1);
  if (lead !== 0) return lead > 0 ? 'a' : 'b';
  return duel.scoreA > 0 && !lessIsBetter(duel) ? 'both' : 'none';
};
const node = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const score = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(2));

function card(duel) {
  const item = node('li', duel.picture === undefined ? 'bare' : '');
  item.tabIndex = 0;
  if (duel.picture !== undefined) {
    const picture = node('img');
    picture.loading = 'lazy';
    picture.alt = 'picture of question ' + duel.id;
    picture.src = pictures[duel.picture];
    item.append(picture);
  }
  const words = node('div');
  words.append(node('p', 'kind', [duel.task, duel.type, duel.split, duel.condition].join(' · ')), node('p', 'question', duel.prompt));
  const facts = node('dl');
  const winner = wins(duel);
  for (const [who, name, text, value] of [['', 'right', duel.expected], ['a', a, duel.a, duel.scoreA], ['b', b, duel.b, duel.scoreB]]) {
    const said = node('dd');
    said.append(node(who && winner === who ? 'b' : 'span', '', text === '' ? '(nothing)' : text));
    if (value !== undefined) said.append(' ', node('small', '', '(' + score(value) + ')'));
    facts.append(node('dt', who, name), said);
  }
  words.append(facts);
  item.append(words);
  return item;
}

function show() {
  const wanted = Object.fromEntries(new FormData(form));
  shown = duels.filter((duel) => ['task', 'type', 'split', 'condition'].every((name) => !wanted[name] || duel[name] === wanted[name]))
    .filter((duel) => !wanted.who || wins(duel) === wanted.who);
  list.replaceChildren(...shown.slice(0, limit).map(card));
  more.hidden = shown.length <= limit;
  count.textContent = shown.length + ' of ' + duels.length + ' questions';
}

form.addEventListener('input', () => { limit = PAGE; show(); });
form.addEventListener('submit', (event) => event.preventDefault());
more.addEventListener('click', () => { limit += PAGE; show(); });
list.addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const items = [...list.children];
  const next = step && items[items.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
});
show();
`;
