/** The look of our pages: quiet, in the reader's own fonts, light or dark as the reader's system is. */
export const STYLE = `
:root {
  --paper: #fff; --ink: #1c1e21; --soft: #5d646d; --line: #dfe3e8; --sunk: #f5f6f8; --link: #0b57c2;
  --user: #0b57c2; --llm: #7a3ea8; --tool: #0a7265; --agent: #8a5a00; --other: #5d646d; --bad: #b3261e;
  --added: #dcf3e2; --removed: #fbe4e2; --mark: #fff3c9;
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme="light"]) {
    --paper: #15171a; --ink: #e4e6e9; --soft: #9aa2ac; --line: #2d3238; --sunk: #1d2024; --link: #8ab4f8;
    --user: #8ab4f8; --llm: #d0a5f2; --tool: #6fcabb; --agent: #e0b45c; --other: #9aa2ac; --bad: #f2938c;
    --added: #17351f; --removed: #43201e; --mark: #42381a;
  }
}
:root[data-theme="dark"] {
  --paper: #15171a; --ink: #e4e6e9; --soft: #9aa2ac; --line: #2d3238; --sunk: #1d2024; --link: #8ab4f8;
  --user: #8ab4f8; --llm: #d0a5f2; --tool: #6fcabb; --agent: #e0b45c; --other: #9aa2ac; --bad: #f2938c;
  --added: #17351f; --removed: #43201e; --mark: #42381a;
}
* { box-sizing: border-box; }
html { color-scheme: light dark; }
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; font-weight: 600; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; font-weight: 600; }
a { color: var(--link); }
code, pre, .uri { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .87em; }
pre { margin: .25rem 0; padding: .5rem .65rem; background: var(--sunk); border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: 28rem; overflow-y: auto; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .25rem .5rem; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
header.top { display: flex; gap: 1rem; justify-content: space-between; align-items: flex-start; }
.uri { color: var(--soft); overflow-wrap: anywhere; margin: 0; }
button { font: inherit; font-size: .85rem; color: var(--ink); background: var(--sunk); border: 1px solid var(--line);
  border-radius: 6px; padding: .2rem .6rem; cursor: pointer; }
button[aria-pressed="false"] { background: none; color: var(--soft); text-decoration: line-through; }
input[type="search"] { font: inherit; font-size: .9rem; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; padding: .25rem .6rem; min-width: 14rem; flex: 1 1 14rem; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 1rem 0 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
ul.plain { margin: 0; padding-left: 1.1rem; }
.tools { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .4rem; align-items: center;
  background: var(--paper); padding: .6rem 0; border-bottom: 1px solid var(--line); }
.note { color: var(--soft); font-size: .9rem; }
figure.lanes { margin: .5rem 0; overflow-x: auto; }
svg.lanes { display: block; width: 100%; min-width: 44rem; height: auto; }
svg.lanes text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg.lanes .rule { stroke: var(--line); }
svg.lanes a:focus rect, svg.lanes a:hover rect { stroke: var(--ink); stroke-width: 1; }
.user { --kind: var(--user); } .system { --kind: var(--user); } .llm { --kind: var(--llm); }
.tool, .retrieval { --kind: var(--tool); } .agent { --kind: var(--agent); }
.compaction, .event { --kind: var(--other); } .error { --kind: var(--bad); }
svg.lanes rect { fill: var(--kind); }
svg.lanes rect.bad { fill: var(--bad); }
ol.steps { list-style: none; margin: 0; padding: 0; }
ol.steps { content-visibility: auto; contain-intrinsic-size: auto 40rem; }
ol.steps > li { border-bottom: 1px solid var(--line); }
details > summary { cursor: pointer; list-style: none; }
details > summary::-webkit-details-marker { display: none; }
.step > summary { display: grid; grid-template-columns: 3.6rem 6.2rem minmax(0, 1fr) max-content; gap: .75rem;
  padding: .32rem .2rem; align-items: baseline; }
.step > summary:hover { background: var(--sunk); }
.seq { color: var(--soft); text-align: right; font-variant-numeric: tabular-nums; }
.kind { color: var(--kind); font-weight: 600; }
.glance { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.glance b { font-weight: 600; }
.meta { color: var(--soft); font-size: .85rem; white-space: nowrap; }
.bad { color: var(--bad); }
.body { padding: .1rem .2rem .8rem 5.2rem; }
.body h3 { font-size: .8rem; font-weight: 600; color: var(--soft); margin: .6rem 0 0; }
.d1 > .step > summary { padding-left: 1.2rem; } .d2 > .step > summary { padding-left: 2.2rem; }
.d3 > .step > summary { padding-left: 3.2rem; }
.absent { color: var(--soft); font-style: italic; }
.badges { display: flex; flex-wrap: wrap; gap: .4rem; margin: .75rem 0; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; padding: .4rem .2rem; }
.sides > div { min-width: 0; }
.sides p { margin: .1rem 0; }
.sides .glance { white-space: normal; overflow-wrap: anywhere; }
.side { color: var(--soft); font-size: .85rem; }
li.added > .sides > div:last-child, li.removed > .sides > div:first-child { border-radius: 6px; padding: .1rem .5rem; }
li.added > .sides > div:last-child { background: var(--added); }
li.removed > .sides > div:first-child { background: var(--removed); }
.entry { padding: .1rem .2rem .7rem; overflow-wrap: anywhere; }
.entry .type { font-weight: 600; }
.entry p { margin: .25rem 0; }
.first { border-left: 4px solid var(--bad); padding-left: .75rem; }
.first > .flag { color: var(--bad); font-weight: 600; margin: .5rem 0 0; }
.hunk .plus { background: var(--added); display: block; } .hunk .minus { background: var(--removed); display: block; }
.hunk .at { color: var(--soft); display: block; } .hunk .even { display: block; }
ins, del { text-decoration: none; border-radius: 3px; padding: 0 .15rem; }
ins { background: var(--added); } del { background: var(--removed); }
.same > summary { color: var(--soft); padding: .4rem .2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
caption { text-align: left; color: var(--soft); font-size: .9rem; padding: .2rem; }
th, td { text-align: left; vertical-align: top; padding: .32rem .6rem .32rem .2rem; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 400; min-width: 16rem; overflow-wrap: anywhere; }
.num { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.good { color: var(--tool); }
svg.graph { display: block; }
svg.graph rect { fill: var(--sunk); stroke: var(--line); }
svg.graph .signed rect { stroke: var(--tool); stroke-width: 2; } svg.graph .gone rect { stroke-dasharray: 4 3; }
svg.graph a:focus rect, svg.graph a:hover rect { stroke: var(--ink); }
svg.graph text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg.graph text.name { fill: var(--ink); font-weight: 600; }
svg.graph path { fill: none; stroke: var(--soft); }
[hidden] { display: none !important; }
@media (max-width: 44rem) {
  body { padding: 1rem .75rem 3rem; }
  .step > summary { grid-template-columns: 2.4rem minmax(0, 1fr) max-content; gap: .5rem; }
  .step > summary > .glance { grid-area: 2 / 2 / auto / -1; white-space: normal; overflow-wrap: anywhere; }
  .step > summary > .meta { grid-area: 1 / 3; }
  .body { padding-left: .4rem; }
  .sides { grid-template-columns: 1fr; gap: .25rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .4rem; }
}
@media print {
  .tools, .skip, button { display: none; } pre { max-height: none; }
  ol.steps { content-visibility: visible; }
  figure.lanes, .scroll { overflow: visible; } svg.lanes { min-width: 0; }
}
`;
