import { ImageError, type Pictures } from '../engine/pictures.ts'
import type { CorpusScore } from '../metrics/index.ts'
import { inOrder } from '../vision/in-order.ts'
import { counted, scoreText } from '../wording.ts'
import { CHART_STYLE, chart, type Series } from './chart.ts'
import { escapeHtml } from './html.ts'
import { document } from './layout.ts'
import type { RunEpoch } from './run-page.ts'

/** A run as the page shows it beside others. */
export interface PageRun {
  readonly name: string
  readonly epochs: readonly RunEpoch[]
  readonly scores: readonly CorpusScore[]
  /** in the order of the images */
  readonly captions: readonly { readonly caption: string; readonly cider: number }[]
}

/** What the page shows. */
export interface ComparePage {
  /** the images that all runs captioned */
  readonly images: readonly { readonly id: string; readonly path: string; readonly captions: readonly string[] }[]
  /** two or more; the others are compared with the first */
  readonly runs: readonly PageRun[]
  /** hyperparameters that differ, with the value of each run */
  readonly differences: readonly { readonly name: string; readonly values: readonly string[] }[]
}

/** Images shown: those whose captions differ most in their CIDEr. */
const SHOWN = 24
const PICTURE_SIZE = 320
/** Pictures read at once. */
const READ_AHEAD = 4
/** Differences with a p-value below that are set in bold type. */
const SIGNIFICANT = 0.05

/**
 * An HTML page of runs side by side, one file that fetches nothing: scores with confidence intervals and paired tests,
 * the hyperparameters that differ, the curves, and the images whose captions differ most.
 */
export async function comparePage(pictures: Pictures, { images, runs, differences }: ComparePage): Promise<string> {
  const title = `${counted(runs.length, 'run')} on ${counted(images.length, 'image')}`
  const cards: string[] = []
  const card = async (i: number): Promise<string> => imageCard(pictures, images[i]!, i, runs)
  for await (const html of inOrder(mostDifferent(runs), card, READ_AHEAD)) cards.push(html)
  const curves = runs.some(({ epochs }) => epochs.length > 0)
    ? `<section><h2>Curves</h2><div class="charts">${charts(runs).join('\n')}</div></section>`
    : ''
  return document(`Runs: ${runs.map(({ name }) => name).join(', ')}`, {
    style: CHART_STYLE + STYLE,
    body: `<header><h1>${title}</h1>
<p>The other runs are compared with ${escapeHtml(runs[0]!.name)} by the paired bootstrap test over the images.
Below each score is its 95% confidence interval; differences with p &lt; ${SIGNIFICANT} are in bold type.</p></header>
<main>
<section><h2>Scores</h2><div class="scroll">${scoreTable(runs)}</div></section>
${settingsSection(runs, differences)}
${curves}
<section><h2>Captions that differ most</h2><div class="cards">${cards.join('\n')}</div></section>
</main>`,
  })
}

function scoreTable(runs: readonly PageRun[]): string {
  const [first, ...others] = runs as readonly [PageRun, ...PageRun[]]
  const interval = ({ interval: bounds }: CorpusScore) =>
    bounds ? `<small>${bounds.map((bound) => scoreText(bound)).join(' to ')}</small>` : ''
  const value = (score: CorpusScore) => `<td>${scoreText(score.score)}${interval(score)}</td>`
  const difference = ({ comparison }: CorpusScore) => {
    if (!comparison) return '<td></td><td></td>'
    const { difference: by, p } = comparison
    const text = `${by >= 0 ? '+' : ''}${scoreText(by)}`
    return `<td>${p < SIGNIFICANT ? `<b>${text}</b>` : text}</td><td>${p.toFixed(3)}</td>`
  }
  const heads = [first.name, ...others.flatMap(({ name }) => [name, 'difference', 'p'])]
  const rows = first.scores.map((score, i) => {
    const rest = others.map(({ scores }) => value(scores[i]!) + difference(scores[i]!))
    return `<tr><th scope="row">${score.name}</th>${value(score)}${rest.join('')}</tr>`
  })
  return `<table class="side"><thead><tr><td></td>${heads.map((head) => `<th scope="col">${escapeHtml(head)}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`
}

function settingsSection(runs: readonly PageRun[], differences: ComparePage['differences']): string {
  const rows = differences.map(({ name, values }) => {
    const cells = values.map((value) => `<td>${escapeHtml(value)}</td>`).join('')
    return `<tr><th scope="row">${escapeHtml(name)}</th>${cells}</tr>`
  })
  const heads = runs.map(({ name }) => `<th scope="col">${escapeHtml(name)}</th>`).join('')
  const table = `<div class="scroll"><table class="side"><thead><tr><td></td>${heads}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
  return `<section><h2>Hyperparameters that differ</h2>${rows.length > 0 ? table : '<p>none</p>'}</section>`
}

function charts(runs: readonly PageRun[]): string[] {
  const lines = (value: (epoch: RunEpoch) => number | undefined): Series[] =>
    runs.map(({ name, epochs }) => ({
      name,
      points: epochs.map((epoch) => ({ x: epoch.epoch, y: value(epoch) ?? Number.NaN })),
    }))
  return [
    chart(
      lines(({ scores }) => scores.CIDEr),
      { title: 'CIDEr on the validation images', unit: 'epoch' },
    ),
    chart(
      lines(({ loss }) => loss),
      { title: 'Training loss', unit: 'epoch' },
    ),
  ]
}

/** The indices of the images whose captions differ most in their CIDEr, the largest difference first. */
function mostDifferent(runs: readonly PageRun[]): number[] {
  const spread = (i: number): number => {
    const ciders = runs.map(({ captions }) => captions[i]!.cider)
    return Math.max(...ciders) - Math.min(...ciders)
  }
  return [...runs[0]!.captions.keys()]
    .filter((i) => spread(i) > 0)
    .sort((a, b) => spread(b) - spread(a))
    .slice(0, SHOWN)
}

async function imageCard(
  pictures: Pictures,
  { id, path, captions: references }: ComparePage['images'][number],
  i: number,
  runs: readonly PageRun[],
): Promise<string> {
  const small = await pictures.thumbnail(path, PICTURE_SIZE).catch((error: unknown) => {
    if (error instanceof ImageError) return undefined
    throw error
  })
  const alt = escapeHtml(references[0] ?? '')
  const image = small ? `<img src="${small.url}" width="${small.width}" height="${small.height}" alt="${alt}">` : ''
  const said = runs.map(({ name, captions }) => {
    const { caption, cider } = captions[i]!
    return `<div><dt>${escapeHtml(name)}, CIDEr ${cider.toFixed(2)}</dt><dd>${escapeHtml(caption) || '(empty caption)'}</dd></div>`
  })
  return `<article>${image}<dl>${said.join('')}</dl>
<ul>${references.map((reference) => `<li>${escapeHtml(reference)}</li>`).join('')}</ul>
<p class="id">${escapeHtml(id)}</p></article>`
}

const STYLE = `
.scroll { overflow-x: auto; }
.side th, .side td { padding: .3rem 1.4rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.side th { text-align: left; font-weight: 400; }
.side td, .side thead th { text-align: right; }
.side thead th { color: var(--soft); }
.side td small { display: block; white-space: nowrap; }
.cards { align-items: start; }
dl { margin: .6rem 0; }
dt { color: var(--soft); font-size: .8rem; margin-top: .35rem; }
dd { margin: 0; font-weight: 600; }
article ul { margin: 0; padding-left: 1.1rem; color: var(--soft); font-size: .85rem; }
.id { margin: .35rem 0 0; color: var(--soft); font-size: .75rem; }
`
