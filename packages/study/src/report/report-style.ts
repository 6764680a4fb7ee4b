/** Style sheet of the report: one column of text, wide figures, tables that scroll on their own on a narrow screen. */
export const reportStyle = `
:root { color-scheme: light; --ink: #1d2430; --soft: #5b6675; --line: #e3e7ee; --accent: #0b6e99; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 62rem; color: var(--ink); background: #fff; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 2.1rem; line-height: 1.15; margin: .2rem 0 .6rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .8rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
h3 small, small { color: var(--soft); font-weight: 400; }
.eyebrow { color: var(--soft); font-size: .85rem; margin: 0; }
.lead { font-size: 1.1rem; color: var(--soft); margin: 0; }
.findings li { margin: .35rem 0; }
.limits { background: #fff8e8; border: 1px solid #f0dfb4; border-radius: 8px; padding: .2rem 1.2rem .6rem; margin-top: 1.5rem; }
.limits h2 { border: 0; margin: .6rem 0 .3rem; padding: 0; font-size: 1.05rem; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
.facts td { white-space: normal; }
thead th { color: var(--soft); font-weight: 500; }
tbody th { font-weight: 600; }
figure { margin: 1rem 0 2rem; }
figure h3 { margin-top: 0; }
.plot { overflow-x: auto; }
.plot svg { max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .4rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: .8rem; }
.card img { width: 100%; image-rendering: pixelated; border-radius: 4px; }
.card p { margin: .4rem 0; font-size: .9rem; }
.card .expected { color: var(--accent); }
.card table { font-size: .8rem; display: table; width: 100%; }
.card th { padding-right: .6rem; width: 1%; }
.card td { white-space: normal; }
.right td { color: #1b7f4d; } .wrong td { color: #b3363f; }
pre { background: #f6f8fa; padding: 1rem; overflow-x: auto; border-radius: 6px; font-size: .8rem; }
code { font-size: .9em; }
.none { color: var(--soft); }
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
`;
