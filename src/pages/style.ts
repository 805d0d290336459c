/**
 * The palette, in a light and a dark scheme, and the rules that all pages share. Text has a contrast of at least 4.5
 * against the page and the cards in both schemes (WCAG 2.2, 1.4.3).
 */
export const BASE_STYLE = `
:root {
  color-scheme: light dark;
  --ink: #1b1d22; --soft: #5f6270; --page: #fafaf8; --card: #fff; --line: #e3e3de;
  --accent: #a84d08; --bar: #f3d3b0; --neutral: #5b6b8c; --right: #1c7a3d; --wrong: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #ecebe6; --soft: #a8a9b3; --page: #16171a; --card: #1f2125; --line: #34363c;
    --accent: #f0a35e; --bar: #5c3d1f; --neutral: #93a7d1; --right: #6fd08c; --wrong: #ff8a80;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: 1.5rem;
  background: var(--page); color: var(--ink); font: 16px/1.45 system-ui, sans-serif;
}
h1 { font-size: 1.5rem; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
h3 { font-size: 1rem; margin: .5rem 0 .25rem; }
header p { color: var(--soft); max-width: 56rem; margin: .25rem 0; }
small { color: var(--soft); font-weight: 400; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
article, figure {
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .75rem; margin: 0;
}
article { overflow-wrap: anywhere; }
article img { display: block; width: 100%; height: auto; border-radius: 4px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); gap: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
`
