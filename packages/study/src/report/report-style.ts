import { darkFigureStyle } from './palette.ts';

const dark = `color-scheme: dark; --ink: #e8ecf2; --soft: #a3aebd; --line: #303947; --ground: #12161d; --panel: #1a2029; --accent: #5bb8e0; --right: #5fcf97; --wrong: #f07f88;`;

/** Style sheet of the report: one column of text, panels that wrap, tables that scroll on their own, for screens light and dark and for paper. */
export const reportStyle = `
:root { color-scheme: light; --ink: #1d2430; --soft: #556070; --line: #dfe4ec; --ground: #fff; --panel: #f5f7fa; --accent: #0b6e99; --right: #1b7f4d; --wrong: #b3363f; }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} }
${darkFigureStyle}
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; } @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 72rem; color: var(--ink); background: var(--ground); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: break-word; }
a { color: var(--accent); } a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; } main:focus { outline: none; }
.skip { position: absolute; left: -100vw; } .skip:focus { left: 1rem; top: .5rem; background: var(--ground); padding: .4rem .8rem; z-index: 1; }
h1 { font-size: clamp(1.6rem, 5vw, 2.2rem); line-height: 1.15; margin: .2rem 0 .5rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.35rem; margin: 2.8rem 0 .8rem; padding-top: .9rem; border-top: 1px solid var(--line); } h3 { font-size: 1.08rem; margin: 2rem 0 .4rem; }
p { max-width: 46rem; } li { max-width: 44rem; margin: .35rem 0; } small { color: var(--soft); font-size: .88em; }
.eyebrow { color: var(--soft); font-size: .85rem; margin: 0; } .lead { font-size: 1.05rem; color: var(--soft); margin: 0; }
.answer { font-size: 1.1rem; border-left: 4px solid var(--accent); padding: .1rem 0 .1rem 1rem; } h3 ~ .answer { font-size: 1rem; }
nav { margin-top: 1.4rem; } nav ol { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; list-style: none; padding: 0; margin: 0; font-size: .92rem; } nav li { margin: 0; }
.scroll { overflow-x: auto; margin: 1rem 0; } table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .86rem; padding-bottom: .35rem; max-width: min(46rem, calc(100vw - 2.5rem)); }
th, td { padding: .28rem 1rem .28rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; } td { white-space: nowrap; } small.below { display: block; } thead th { color: var(--soft); font-weight: 500; vertical-align: bottom; max-width: 9rem; } tbody th { font-weight: 600; max-width: 16rem; } .scroll table { width: max-content; }
#repeat td { white-space: normal; } td.strong { font-weight: 600; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--accent); padding: .15rem 0; }
figure { margin: 1.4rem 0 2rem; } .figure-title { font-weight: 600; margin: 0 0 .3rem; } figcaption { color: var(--soft); font-size: .9rem; max-width: 46rem; margin-top: .3rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; margin: 0 0 .6rem; font-size: .86rem; } .legend li { margin: 0; } .legend svg { margin-right: .4rem; }
.panels { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; } .panel { max-width: 100%; } .panel-title { font-size: .88rem; font-weight: 600; margin: 0 0 .2rem; } .panel svg { display: block; max-width: 100%; height: auto; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1rem; } .card { background: var(--panel); border-radius: 8px; padding: .9rem; min-width: 0; }
.card img { width: 9rem; max-width: 100%; image-rendering: pixelated; border-radius: 4px; } .card p { margin: .4rem 0; font-size: .9rem; } .card .question { font-weight: 600; } .card caption { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; } .card .scroll { margin: .4rem 0 0; } .card table { font-size: .8rem; width: auto; } .card td { white-space: normal; } .card th, .card td { padding-right: .7rem; }
.right { color: var(--right); } .wrong { color: var(--wrong); }
pre { background: var(--panel); padding: .9rem; overflow-x: auto; border-radius: 6px; font-size: .82rem; } footer { margin-top: 3rem; border-top: 1px solid var(--line); font-size: .9rem; }
@media print {
@page { margin: 16mm 14mm; } body { max-width: none; padding: 0; font-size: 10pt; } nav, .skip { display: none; }
h2, h3, .figure-title, .panel-title, caption { break-after: avoid; } figure, .panel, .card, tr, li { break-inside: avoid; } thead { display: table-header-group; }
a { color: inherit; text-decoration: none; } details:not([open]) { display: none; } .scroll { overflow: visible; } .scroll table { font-size: 7.5pt; width: 100%; } th, td { padding-right: .4rem; white-space: normal !important; } .panel { width: 48%; } .cards { grid-template-columns: 1fr 1fr; } pre { white-space: pre-wrap; }
}
`;
