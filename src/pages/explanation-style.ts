/** The style of the articles on captions. `--picture` and `--ratio` are set on each article. */
export const EXPLANATION_STYLE = `
article { border-radius: 12px; padding: 1.2rem; margin: 1.2rem 0 1.5rem; }
article h2 { font-size: 1.35rem; margin: 0; }
article h3 { font-size: .95rem; margin: 0 0 .4rem; }
article small { font-size: .8em; }
.file { color: var(--soft); font-size: .85rem; margin: 0 0 .8rem; }
.overview { display: flex; flex-wrap: wrap; gap: 1.2rem; }
.side { flex: 1 1 20rem; min-width: 0; }
.picture {
  position: relative; overflow: hidden; border-radius: 6px; aspect-ratio: var(--ratio);
  background: var(--picture) center / 100% 100%;
}
.large { flex: 0 1 26rem; width: 26rem; max-width: 100%; align-self: flex-start; }
.picture svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.shade { filter: blur(3px); transform: scale(1.03); }
.large .shade { filter: blur(12px); transform: scale(1.06); }
.shade .dark { opacity: .82; }
.shade[hidden] { display: none; }
.regions rect { fill: transparent; cursor: crosshair; }
.regions rect.on {
  stroke: #ffab52; stroke-width: 3px; vector-effect: non-scaling-stroke; filter: drop-shadow(0 0 .005px #000);
}
.mark {
  position: absolute; transform: translate(-50%, -50%); width: 1.5em; height: 1.5em; border-radius: 50%;
  background: #fffd; color: #111; font-size: .8rem; font-weight: 600; line-height: 1.5em; text-align: center;
  pointer-events: none;
}
.concepts { margin: 0 0 1rem; }
.concepts span {
  display: inline-block; border: 1px solid var(--line); border-radius: 1em; padding: .05em .65em;
  margin: 0 .3em .3em 0; font-size: .9rem;
}
article table { width: 100%; table-layout: fixed; font-size: .88rem; }
article th { vertical-align: top; text-align: left; font-weight: 600; color: var(--soft); padding: .15rem .5rem .15rem 0; }
article td { vertical-align: top; padding: .35rem .8rem .35rem 0; }
article tbody th { padding-top: .35rem; }
article tbody td { border-top: 1px solid var(--line); }
article th:first-child, article td:first-child { width: 1.6rem; }
.weight {
  display: block; padding: 0 .35em; margin-bottom: 1px; border-radius: 3px;
  background: linear-gradient(var(--bar), var(--bar)) no-repeat 0 / calc(100% * var(--weight)) 100%;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
.weight small { color: inherit; }
.words {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .8rem;
  list-style: none; padding: 0; margin: 1.1rem 0 0;
}
.words li { border-radius: 8px; cursor: default; }
.words li:hover { outline: 2px solid var(--accent); outline-offset: 3px; }
.words .picture { margin-bottom: .25rem; }
`
