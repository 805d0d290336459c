import type { JournalEntry } from '../disk/journal.ts'
import type { Pictures } from '../engine/pictures.ts'
import { escapeHtml } from '../pages/html.ts'
import { namedIn } from './right.ts'
import { describeScene, type Scene } from './scene.ts'
import type { System } from './system.ts'

export interface PageContent {
  /** without MIA, then with it */
  readonly systems: readonly System[]
  readonly scenes: ReadonlyMap<string, Scene>
  /** the test pictures that are shown */
  readonly images: readonly { readonly id: string; readonly path: string }[]
}

/** The quickstart's page: what was done, pictures with captions, curves, scores, and the next steps. One file, but for a link to why.html beside it. */
export async function quickstartPage(pictures: Pictures, { systems, scenes, images }: PageContent): Promise<string> {
  const cards = await Promise.all(
    images.map(async ({ id, path }) => card(id, (await pictures.thumbnail(path, 320)).url, systems, scenes.get(id)!)),
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mia-caption: the quickstart</title>
<style>${STYLE}</style>
<header><h1>Two captioners for a small world</h1>
<p>Both were trained on this machine, on ${scenes.size - systems[0]!.captions.size} pictures with five captions each. They are tested on ${systems[0]!.captions.size} pictures in each of which something has a colour that it
never had in training. The one is <b>VisualAttention</b>; in the other regions and concepts refine each other first: <b>Mutual Iterative Attention</b>.</p></header>
<main>
<section><h2>What they say of pictures they have not seen</h2>
<p>Green: a thing that is there, in its colour. Red: one that is not there, or a wrong colour.</p>
<div class="cards">${cards.join('\n')}</div>
<p><a href="why.html">Why these captions?</a> What each word looked at, and which concepts each region is aligned with.</p></section>
<section><h2>Scores on the test pictures</h2>${scoreTable(systems)}
<p><small>The best epoch of each was chosen by these pictures too; a data set of your own has a part for that and another for the test.</small></p></section>
<section><h2>How they learnt</h2><div class="curves">${curve('loss', systems, ({ loss }) => Number(loss))}
${curve('CIDEr on the test pictures', systems, ({ scores }) => (scores as { CIDEr: number }).CIDEr)}</div></section>
<section><h2>Now with your own pictures</h2><pre>${escapeHtml(next(systems.at(-1)!.run))}</pre></section>
</main>
</html>
`
}

const next = (
  run: string,
): string => `npx mia caption --run ${run} photo.jpg --explain why.html      # what this run says of another picture
npx mia caption photo.jpg                                          # what the captioner that comes with the package says of it
npx mia prepare folder --root my-pictures --out data/mine          # captions.tsv in it: lines picture.jpg, a tab, a caption
npx mia features --data data/mine
npx mia concepts train --data data/mine && npx mia concepts detect --data data/mine
npx mia train --data data/mine --basic-model VisualAttention --mia --out runs/mine
npx mia test --run runs/mine --split val`

function card(id: string, picture: string, systems: readonly System[], scene: Scene): string {
  const said = systems.map(
    ({ name, captions }) => `<p><small>${name}</small>${marked(captions.get(id) ?? '', scene)}</p>`,
  )
  return `<article><img src="${picture}" alt="${escapeHtml(describeScene(scene)[0]!)}">${said.join('')}</article>`
}

/** A caption whose things are marked as right or wrong. */
function marked(caption: string, { objects }: Scene): string {
  const words = caption.split(' ').map(escapeHtml)
  let at = 0
  for (const { thing, colour } of namedIn(caption)) {
    at = words.indexOf(thing, at)
    const right = objects.some((object) => object.thing === thing && (colour === undefined || object.colour === colour))
    words[at] = `<b class="${right ? 'right' : 'wrong'}">${colour === undefined ? '' : `${colour} `}${thing}</b>`
    if (colour !== undefined) words[at - 1] = ''
    at += 1
  }
  return words.filter(Boolean).join(' ') || '(nothing)'
}

function scoreTable(systems: readonly System[]): string {
  const names = systems[0]!.evaluation.scores.map(({ name }) => name)
  const percent = (part: number): string => `${(100 * part).toFixed(0)}%`
  const rows: readonly (readonly string[])[] = [
    ...names.map((name, i) => [
      name,
      ...systems.map(({ evaluation }) => evaluation.scores[i]!.score.toFixed(4)),
      sureness(systems, i),
    ]),
    ['things named', ...systems.map(({ right }) => percent(right.things)), ''],
    ['things named in their colour', ...systems.map(({ right }) => percent(right.coloured)), ''],
    ['of what is named, not there', ...systems.map(({ right }) => percent(right.invented)), ''],
  ]
  const cells = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? `<th>${cell}</th>` : `<td>${cell}</td>`)).join('')
  return `<table><thead><tr><th></th>${systems.map(({ name }) => `<th>${name}</th>`).join('')}<th>is the difference real?</th></tr></thead>
<tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}</tbody></table>`
}

/** What the paired bootstrap says of a score's difference; it was computed with the last system. */
function sureness(systems: readonly System[], i: number): string {
  const { comparison } = systems.at(-1)!.evaluation.scores[i]!
  return comparison ? `p ${comparison.p.toFixed(3)}` : ''
}

const [WIDTH, HEIGHT] = [300, 120]

/** One line for each system over the epochs. */
function curve(title: string, systems: readonly System[], pick: (epoch: JournalEntry) => number): string {
  const values = systems.map(({ epochs }) => epochs.map(pick))
  const all = values.flat()
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const point = (value: number, i: number, count: number): string =>
    `${((i / Math.max(1, count - 1)) * WIDTH).toFixed(1)},${(HEIGHT - ((value - low) / (high - low || 1)) * HEIGHT).toFixed(1)}`
  const lines = values.map(
    (each, i) =>
      `<polyline class="line-${i}" points="${each.map((value, k) => point(value, k, each.length)).join(' ')}"/>`,
  )
  const legend = systems.map(({ name }, i) => `<span class="key-${i}">${name}</span>`).join(' ')
  return `<figure><figcaption>${title} <small>${low.toFixed(2)} to ${high.toFixed(2)}, ${values[0]!.length} epochs</small></figcaption>
<svg viewBox="-4 -4 ${WIDTH + 8} ${HEIGHT + 8}" role="img" aria-label="${title}">${lines.join('')}</svg><p>${legend}</p></figure>`
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1d22; --soft: #667; --page: #fafaf8; --card: #fff; --line: #e3e3de; --a: #8a8f9c; --b: #b4530a; --right: #1c7a3d; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #ecebe6; --soft: #a2a3ad; --page: #16171a; --card: #1f2125; --line: #34363c; --a: #9aa0ad; --b: #f0a35e; --right: #6fd08c; --wrong: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; } header p { max-width: 46rem; color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; } article img { width: 100%; border-radius: .25rem; display: block; }
article p { margin: .5rem 0 0; line-height: 1.35; } small { color: var(--soft); display: block; font-size: .75rem; font-weight: 400; } figcaption small { display: inline; }
.right { color: var(--right); } .wrong { color: var(--wrong); text-decoration: line-through; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); } td { text-align: right; } thead th { color: var(--soft); font-weight: 400; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; } figure { margin: 0; padding: .75rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; } figure p { margin: .25rem 0 0; font-size: .85rem; }
svg { width: 100%; height: auto; } polyline { fill: none; stroke-width: 2; } .line-0 { stroke: var(--a); } .line-1 { stroke: var(--b); } .key-0 { color: var(--a); } .key-1 { color: var(--b); margin-left: 1rem; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .9rem; overflow: auto; font-size: .85rem; } a { color: var(--b); }
`
