import { ImageError, type Pictures } from '../engine/pictures.ts'
import type { CorpusScore, Evaluation, ImageScores, MetricName } from '../metrics/index.ts'
import { inOrder } from '../vision/in-order.ts'
import { counted, scoreText, thousands } from '../wording.ts'
import { escapeHtml, percent } from './html.ts'
import { document } from './layout.ts'

/** Captions shown of the lowest and of the highest scores. */
const SHOWN = 12
const PICTURE_SIZE = 320
/** Pictures read at once. */
const READ_AHEAD = 4
/** The metric that sorts the captions: the first of these that was computed. */
const ORDER: readonly MetricName[] = ['CIDEr', 'METEOR', 'ROUGE_L', 'Bleu_4']

const BINS = 24
const [BIN_WIDTH, BIN_HEIGHT] = [5, 40]
const HISTOGRAM_WIDTH = BINS * BIN_WIDTH

/** Where the page finds the evaluated pictures. */
export interface ScorePageFiles {
  /** the pictures' folder; without it the page has no pictures */
  readonly folder: string | undefined
}

/**
 * An HTML page of an evaluation, one file that fetches nothing: scores with confidence intervals, histograms of the
 * scores of single images, diversity, and the captions with the lowest and the highest scores. Pictures are those in
 * `folder` under the name in the references file, or `id.jpg`; absolute names and names with `..` are ignored.
 */
export async function scorePage(pictures: Pictures, evaluation: Evaluation, files: ScorePageFiles): Promise<string> {
  const { scores, images, diversity, notes } = evaluation
  const title = `Scores of ${counted(images.length, 'caption')}`
  const by = ORDER.find((name) => scores.some((score) => score.name === name)) ?? scores[0]!.name
  const sorted = images.filter(({ scores }) => !Number.isNaN(scores[by])).sort((a, b) => a.scores[by]! - b.scores[by]!)
  const pictureOf = pictureFinder(pictures, files)
  const cards = async (some: readonly ImageScores[]): Promise<string> => {
    const each: string[] = []
    const make = async (image: ImageScores) => card(image, scores, await pictureOf(image))
    for await (const html of inOrder(some, make, READ_AHEAD)) each.push(html)
    return each.join('\n')
  }
  return document(title, {
    style: STYLE,
    body: `<header><h1>${title}</h1>
${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('\n')}</header>
<main>
<section class="scores">${scores.map((score) => scoreFigure(score, images)).join('\n')}</section>
<section><h2>Diversity</h2>
<dl>${Object.entries(facts(diversity))
      .map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
      .join('')}</dl></section>
<section><h2>Lowest ${by}</h2><div class="cards">${await cards(sorted.slice(0, SHOWN))}</div></section>
<section><h2>Highest ${by}</h2><div class="cards">${await cards(sorted.slice(-SHOWN).reverse())}</div></section>
<section><h2>Signatures</h2><p>Compare scores only with scores of the same signature.</p>
<ul>${scores.map(({ signature }) => `<li><code>${escapeHtml(signature)}</code></li>`).join('')}</ul></section>
</main>`,
  })
}

/** A function from an image to its `<img>` element; empty if the picture is missing or cannot be read. */
function pictureFinder(pictures: Pictures, { folder }: ScorePageFiles): (image: ImageScores) => Promise<string> {
  return async ({ image_id, file, references: captions }) => {
    const id = String(image_id)
    const path = folder && pathInside(folder, file ?? (/\.[a-z]+$/i.test(id) ? id : `${id}.jpg`))
    if (!path) return ''
    const small = await pictures.thumbnail(path, PICTURE_SIZE).catch((error: unknown) => {
      if (error instanceof ImageError) return undefined
      throw error
    })
    const alt = escapeHtml(captions[0] ?? '')
    return small ? `<img src="${small.url}" width="${small.width}" height="${small.height}" alt="${alt}">` : ''
  }
}

/**
 * The path of a file in a folder; undefined for absolute paths and paths with `..`: a references file from elsewhere
 * must not choose which files of this machine the page embeds.
 */
function pathInside(folder: string, name: string): string | undefined {
  const leadsOut = /^([/\\]|[a-z]:)/i.test(name) || name.split(/[/\\]/).includes('..')
  return leadsOut ? undefined : `${folder}/${name}`
}

/** A score, and a histogram of the scores of single images. */
function scoreFigure(
  { name, score, range, interval, comparison }: CorpusScore,
  images: readonly ImageScores[],
): string {
  const values = images.map(({ scores }) => scores[name]!).filter((value) => !Number.isNaN(value))
  const top = Math.min(range[1], Math.max(...values, range[1] / 10))
  const bins = new Array<number>(BINS).fill(0)
  for (const value of values) bins[Math.min(BINS - 1, Math.floor((value / top) * BINS))]! += 1
  const most = Math.max(1, ...bins)
  const bars = bins.map((count, i) => {
    const height = (count / most) * BIN_HEIGHT
    const [from, to] = [i, i + 1].map((bin) => ((bin / BINS) * top).toFixed(2))
    return (
      `<rect x="${i * BIN_WIDTH}" y="${(BIN_HEIGHT - height).toFixed(2)}" width="${BIN_WIDTH - 1}" ` +
      `height="${height.toFixed(2)}"><title>${from} to ${to}: ${counted(count, 'image')}</title></rect>`
    )
  })
  const at = Math.min(HISTOGRAM_WIDTH, (score / top) * HISTOGRAM_WIDTH).toFixed(2)
  const mark = Number.isNaN(score) ? '' : `<line x1="${at}" x2="${at}" y1="0" y2="${BIN_HEIGHT}"/>`
  const lines = [
    ...(interval ? [`95% CI ${interval.map((bound) => scoreText(bound)).join(' to ')}`] : []),
    ...(comparison ? [comparisonText(comparison)] : []),
  ]
  const view = `viewBox="0 0 ${HISTOGRAM_WIDTH} ${BIN_HEIGHT}" preserveAspectRatio="none"`
  return `<figure><figcaption>${name} <b>${scoreText(score)}</b> <small>of ${range[1]}</small>
${lines.map((line) => `<small>${line}</small>`).join('\n')}</figcaption>
<svg ${view} role="img" aria-label="histogram of ${name} over the images">
${bars.join('')}${mark}</svg>
<p class="axis"><span>0</span><span>${top.toFixed(2)}</span></p></figure>`
}

const comparisonText = ({ other, difference, p }: NonNullable<CorpusScore['comparison']>): string =>
  `other ${scoreText(other)} (${difference >= 0 ? '+' : ''}${scoreText(difference)}), p ${p.toFixed(3)}`

function facts({ length, vocabulary, distinct_1, distinct_2, novel, selfCIDEr }: Evaluation['diversity']) {
  return {
    'words per caption': length.toFixed(1),
    'distinct words': thousands(vocabulary),
    'distinct-1': distinct_1.toFixed(4),
    'distinct-2': distinct_2.toFixed(4),
    ...(novel !== undefined && { 'novel captions': percent(novel) }),
    ...(selfCIDEr !== undefined && { 'Self-CIDEr': selfCIDEr.toFixed(4) }),
  }
}

const card = ({ image_id, caption, references, scores }: ImageScores, order: readonly CorpusScore[], picture: string) =>
  `<article>${picture}<h3>${escapeHtml(caption) || '(empty caption)'}</h3>
<ul>${references.map((reference) => `<li>${escapeHtml(reference)}</li>`).join('')}</ul>
<p class="numbers">${order.map(({ name }) => `<span>${name} ${scoreText(scores[name]!, 3)}</span>`).join(' ')}</p>
<p class="id">${escapeHtml(String(image_id))}</p></article>`

const STYLE = `
.scores {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: 1rem; margin-top: 1rem;
}
figcaption b { font-size: 1.25rem; }
figcaption small + small { display: block; }
figure svg { display: block; width: 100%; height: 5rem; margin-top: .5rem; border-bottom: 1px solid var(--line); }
figure rect { fill: var(--accent); opacity: .65; }
figure line { stroke: var(--ink); stroke-width: 2px; vector-effect: non-scaling-stroke; }
.axis { display: flex; justify-content: space-between; margin: .15rem 0 0; color: var(--soft); font-size: .75rem; }
dl { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.15rem; }
.cards { align-items: start; }
article ul { margin: 0 0 .5rem; padding-left: 1.1rem; color: var(--soft); font-size: .9rem; }
.numbers { margin: 0; font-size: .8rem; font-variant-numeric: tabular-nums; }
.numbers span { white-space: nowrap; margin-right: .5rem; }
.id { margin: .25rem 0 0; color: var(--soft); font-size: .75rem; }
code { overflow-wrap: anywhere; font-size: .8rem; }
`
