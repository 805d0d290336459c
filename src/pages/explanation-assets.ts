/** The looks of the explanation's page, in a light and a dark scheme. */
export const style = `
:root { color-scheme: light dark; --ink: #1b1d22; --soft: #667; --page: #fafaf8; --card: #fff; --line: #e3e3de; --accent: #b4530a; --bar: #f3d3b0; }
@media (prefers-color-scheme: dark) { :root { --ink: #ecebe6; --soft: #a2a3ad; --page: #16171a; --card: #1f2125; --line: #34363c; --accent: #f0a35e; --bar: #5c3d1f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--page); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; }
header p { color: var(--soft); max-width: 56rem; margin: .3rem 0 1.2rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.2rem; margin-bottom: 1.5rem; }
h2 { font-size: 1.35rem; margin: 0; }
h3 { font-size: .95rem; margin: 0 0 .4rem; }
small { color: var(--soft); font-size: .78em; font-weight: normal; }
.file { color: var(--soft); font-size: .85rem; margin: 0 0 .8rem; }
.look { display: flex; flex-wrap: wrap; gap: 1.2rem; }
.side { flex: 1 1 20rem; }
.picture { position: relative; overflow: hidden; border-radius: 6px; background: var(--picture) center / 100% 100%; aspect-ratio: var(--ratio); }
.large { flex: 0 1 26rem; width: 26rem; max-width: 100%; align-self: flex-start; }
.picture svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.veil { filter: blur(3px); transform: scale(1.03); }
.large .veil { filter: blur(12px); transform: scale(1.06); }
.veil .dark { opacity: .82; }
.veil[hidden] { display: none; }
.targets rect { fill: transparent; cursor: crosshair; }
.targets rect.on { stroke: var(--accent); stroke-width: 3px; vector-effect: non-scaling-stroke; }
.mark { position: absolute; transform: translate(-50%, -50%); width: 1.5em; height: 1.5em; border-radius: 50%; background: #fffd; color: #111; font-size: .8rem; font-weight: 600; line-height: 1.5em; text-align: center; pointer-events: none; }
.concepts span { display: inline-block; border: 1px solid var(--line); border-radius: 1em; padding: .05em .65em; margin: 0 .3em .3em 0; font-size: .9rem; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; font-size: .88rem; }
th:first-child { width: 1.6rem; }
th { vertical-align: top; text-align: left; font-weight: 600; color: var(--soft); padding: .15rem .5rem .15rem 0; }
td { vertical-align: top; padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line); }
.share { display: block; padding: 0 .35em; margin-bottom: 1px; border-radius: 3px; background: linear-gradient(var(--bar), var(--bar)) no-repeat 0 / calc(100% * var(--share)) 100%; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.words { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .8rem; list-style: none; padding: 0; margin: 1.1rem 0 0; }
.words li { border-radius: 8px; outline-offset: 3px; cursor: default; }
.words li:hover, .words li:focus { outline: 2px solid var(--accent); }
.words .picture { margin-bottom: .25rem; }
`

/** What makes the page answer: a word under the pointer shows its map on the large picture, a region its concepts. */
export const script = `
for (const article of document.querySelectorAll('article')) {
  const { maps, alignments } = JSON.parse(article.querySelector('script').textContent)
  const veil = article.querySelector('.large .veil')
  const holes = veil.querySelectorAll('.hole')
  const show = (map) => {
    const most = map ? Math.max(...map) : 1
    veil.toggleAttribute('hidden', !map)
    if (map) holes.forEach((hole, i) => hole.setAttribute('opacity', map[i] / most))
  }
  article.querySelectorAll('.words li').forEach((word, t) => {
    for (const event of ['mouseenter', 'focus']) word.addEventListener(event, () => show(maps?.[t]))
    for (const event of ['mouseleave', 'blur']) word.addEventListener(event, () => show())
  })
  const body = article.querySelector('tbody')
  if (!alignments || !body) continue
  const which = article.querySelector('.which')
  const [rows, name] = [body.innerHTML, which.textContent]
  const bars = (each) => each.map(([word, share]) => {
    const bar = document.createElement('span')
    bar.className = 'share'
    bar.style.setProperty('--share', share)
    bar.textContent = word + ' ' + (share * 100).toFixed(1) + '%'
    return bar.outerHTML
  }).join('')
  const mark = (region, on) =>
    article.querySelector('.targets rect[data-region="' + region + '"]')?.classList.toggle('on', on)
  const large = article.querySelector('.large')
  large.addEventListener('mouseover', ({ target }) => {
    const region = target.dataset?.region
    if (region === undefined) return
    article.querySelectorAll('.targets .on').forEach((each) => each.classList.remove('on'))
    mark(region, true)
    which.textContent = 'the one pointed at'
    const { before, after } = alignments[region]
    body.innerHTML = '<tr><th></th><td>' + bars(before) + '</td><td>' + bars(after) + '</td></tr>'
  })
  large.addEventListener('mouseleave', () => {
    article.querySelectorAll('.targets .on').forEach((each) => each.classList.remove('on'))
    which.textContent = name
    body.innerHTML = rows
  })
  body.addEventListener('mouseover', ({ target }) => {
    article.querySelectorAll('.targets .on').forEach((each) => each.classList.remove('on'))
    const region = target.closest('tr')?.dataset.region
    if (region !== undefined) mark(region, true)
  })
  body.addEventListener('mouseleave', () =>
    article.querySelectorAll('.targets .on').forEach((each) => each.classList.remove('on')))
}
`
