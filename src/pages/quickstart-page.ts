import type { Pictures } from '../engine/pictures.ts'
import type { CorpusScore } from '../metrics/index.ts'
import { inOrder } from '../vision/in-order.ts'
import { counted, scoreText, thousands } from '../wording.ts'
import { escapeHtml, percent } from './html.ts'
import { document } from './layout.ts'

/**
 * A part of a caption; `correct` is whether the object that it names is in the picture, in that colour.
 */
export interface CaptionPart {
  readonly text: string
  readonly correct?: boolean
}

/** A test picture with one caption per system. */
export interface QuickstartExample {
  readonly path: string
  /** a description of the picture, its alt text */
  readonly alt: string
  readonly captions: readonly (readonly CaptionPart[])[]
}

/** A trained system: its training curve and its test scores. */
export interface QuickstartResult {
  readonly name: string
  /** by epoch */
  readonly curve: readonly { readonly loss: number; readonly cider: number }[]
  readonly scores: readonly CorpusScore[]
}

/** What the quickstart's page shows. */
export interface QuickstartContent {
  readonly trainImages: number
  readonly testImages: number
  /** without MIA, then with it; the scores of the last are compared with those of the first */
  readonly systems: readonly QuickstartResult[]
  /** further rows of the score table: fractions from 0 to 1, one per system */
  readonly fractions: readonly { readonly name: string; readonly values: readonly number[] }[]
  readonly examples: readonly QuickstartExample[]
  /** the run's folder in the commands of the next steps */
  readonly run: string
}

const PICTURE_SIZE = 320
/** Pictures read at once. */
const READ_AHEAD = 4
const [CURVE_WIDTH, CURVE_HEIGHT] = [300, 120]

/**
 * The quickstart's HTML page: captions of test pictures, scores, training curves and the next steps. It is one file
 * that fetches nothing, and links to why.html in the same folder. Throws ImageError if a picture cannot be read.
 */
export async function quickstartPage(pictures: Pictures, content: QuickstartContent): Promise<string> {
  const { systems, trainImages, testImages, run } = content
  const names = systems.map(({ name }) => name)
  const cards: string[] = []
  const make = async (example: QuickstartExample) =>
    card(example, (await pictures.thumbnail(example.path, PICTURE_SIZE)).url, names)
  for await (const html of inOrder(content.examples, make, READ_AHEAD)) cards.push(html)
  return document('mia-caption: quickstart', {
    style: STYLE,
    body: `<header><h1>Two captioners for a small world</h1>
<p>Both were trained on this machine, on ${thousands(trainImages)} pictures with five captions each,
and tested on ${counted(testImages, 'picture')}. Every test picture has a thing in a colour that it never has in training.
One captioner is <b>VisualAttention</b>. The other adds <b>Mutual Iterative Attention</b> (MIA):
regions and concepts refine each other before it generates words.</p></header>
<main>
<section><h2>Captions of test pictures</h2>
<p><b class="correct">Green</b>: a thing of the picture, in its colour.
<s class="wrong">Red</s>: a thing that is not in the picture, or has another colour.</p>
<div class="cards">${cards.join('\n')}</div>
<p><a href="why.html">Why these captions?</a>
For each word the regions that the model attended to, and for each region its concepts.</p></section>
<section><h2>Scores on the test pictures</h2><div class="scroll">${scoreTable(content)}</div>
<p><small>The same pictures chose the best epoch of each system.
A dataset of your own has a validation split for that, and a test split for the final scores.</small></p></section>
<section><h2>Training curves</h2><div class="curves">${curve(
      'training loss',
      systems,
      systems.map((system) => system.curve.map(({ loss }) => loss)),
    )}
${curve(
  'CIDEr on the test pictures',
  systems,
  systems.map((system) => system.curve.map(({ cider }) => cider)),
)}</div></section>
<section><h2>Next: your own pictures</h2><pre>${escapeHtml(nextSteps(run))}</pre></section>
</main>`,
  })
}

const nextSteps = (run: string): string => `# caption another picture with this run, and show why
npx mia caption --run ${run} photo.jpg --explain why.html
# caption it with the captioner that comes with the package
npx mia caption photo.jpg
# train on your own captions: my-pictures/captions.tsv has lines of picture.jpg, a tab, a caption
npx mia prepare folder --root my-pictures --out data/mine
npx mia features --data data/mine
npx mia concepts train --data data/mine && npx mia concepts detect --data data/mine
npx mia train --data data/mine --basic-model VisualAttention --mia --out runs/mine
npx mia test --run runs/mine --split val`

function card({ alt, captions }: QuickstartExample, picture: string, names: readonly string[]): string {
  const each = captions.map((parts, i) => `<p><small>${names[i]}</small>${captionHtml(parts)}</p>`)
  return `<article><img src="${picture}" alt="${escapeHtml(alt)}">${each.join('')}</article>`
}

function captionHtml(parts: readonly CaptionPart[]): string {
  const html = parts.map(({ text, correct }) => {
    const escaped = escapeHtml(text)
    if (correct === undefined) return escaped
    return correct ? `<b class="correct">${escaped}</b>` : `<s class="wrong">${escaped}</s>`
  })
  return html.join(' ') || '(empty caption)'
}

function scoreTable({ systems, fractions }: QuickstartContent): string {
  const rows: readonly (readonly string[])[] = [
    ...systems[0]!.scores.map(({ name }, i) => [
      name,
      ...systems.map(({ scores }) => scoreText(scores[i]!.score)),
      systems.at(-1)!.scores[i]!.comparison?.p.toFixed(3) ?? '',
    ]),
    ...fractions.map(({ name, values }) => [name, ...values.map(percent), '']),
  ]
  const cells = ([name, ...values]: readonly string[]) =>
    `<th scope="row">${name}</th>${values.map((value) => `<td>${value}</td>`).join('')}`
  const heads = [...systems.map(({ name }) => name), 'p (paired bootstrap test)']
  return `<table><thead><tr><td></td>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead>
<tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}</tbody></table>`
}

/** A figure with one line per system over the epochs. */
function curve(title: string, systems: readonly QuickstartResult[], values: readonly (readonly number[])[]): string {
  const all = values.flat()
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const lines = values.map((each, i) => {
    const points = each.map((value, epoch) => {
      const x = (epoch / Math.max(1, each.length - 1)) * CURVE_WIDTH
      const y = CURVE_HEIGHT - ((value - low) / (high - low || 1)) * CURVE_HEIGHT
      return `${x.toFixed(1)},${y.toFixed(1)}`
    })
    return `<polyline class="line-${i}" points="${points.join(' ')}"/>`
  })
  const legend = systems.map(
    ({ name }, i) =>
      '<span class="key"><svg viewBox="0 0 24 8" aria-hidden="true">' +
      `<polyline class="line-${i}" points="0,4 24,4"/></svg>${name}</span>`,
  )
  const range = `${low.toFixed(2)} to ${high.toFixed(2)}, ${counted(values[0]!.length, 'epoch')}`
  return `<figure><figcaption>${title} <small>${range}</small></figcaption>
<svg class="plot" viewBox="-4 -4 ${CURVE_WIDTH + 8} ${CURVE_HEIGHT + 8}" role="img" aria-label="${title}, ${range}">
${lines.join('')}</svg>
<p>${legend.join(' ')}</p></figure>`
}

const STYLE = `
.cards { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); }
article p { margin: .5rem 0 0; line-height: 1.35; }
article small { display: block; font-size: .75rem; }
.correct { color: var(--right); }
.wrong { color: var(--wrong); font-weight: 700; }
.scroll { overflow-x: auto; }
th, td { padding: .3rem 1.4rem .3rem 0; border-bottom: 1px solid var(--line); }
th { text-align: left; font-weight: 400; }
td, thead th { text-align: right; }
thead th { color: var(--soft); }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
figure p { margin: .25rem 0 0; font-size: .85rem; }
.plot { display: block; width: 100%; height: auto; margin-top: .5rem; }
polyline { fill: none; stroke-width: 2; }
.line-0 { stroke: var(--neutral); stroke-dasharray: 6 3; }
.line-1 { stroke: var(--accent); }
.key { margin-right: 1rem; white-space: nowrap; }
.key svg { width: 1.5rem; height: .5rem; margin-right: .4rem; vertical-align: middle; }
pre {
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .9rem;
  overflow: auto; font-size: .85rem;
}
`
