import { join } from 'node:path'
import type { Pictures } from '../engine/pictures.ts'
import type { CorpusScore, Evaluation, ImageScores, MetricName } from '../metrics/index.ts'
import { readFileNames } from '../metrics/reference-files.ts'
import { counted } from '../wording.ts'
import { escapeHtml } from './html.ts'

/** Captions shown at either end. */
const SHOWN = 12
const BINS = 24
const PICTURE_SIZE = 320
/** The score that orders captions: the first of these that there is. */
const ORDER: readonly MetricName[] = ['CIDEr', 'METEOR', 'ROUGE_L', 'Bleu_4']

/**
 * A page of scores in one file, without anything from elsewhere: the scores with their ranges, how each metric's scores are spread over the images, and
 * the captions that score worst and best, with their pictures where `folder` has them under the names of the references file or as `id.jpg`.
 */
export async function scorePage(
  pictures: Pictures,
  { scores, images, diversity, notes }: Evaluation,
  { references, folder }: { readonly references: unknown; readonly folder: string | undefined },
): Promise<string> {
  const by = ORDER.find((name) => scores.some((score) => score.name === name)) ?? scores[0]!.name
  const sorted = [...images].sort((a, b) => a.scores[by]! - b.scores[by]!)
  const files = readFileNames(references)
  const pictureOf = async ({ image_id }: ImageScores): Promise<string> => {
    if (folder === undefined) return ''
    const id = String(image_id)
    const file = join(folder, files.get(id) ?? (/\.[a-z]+$/i.test(id) ? id : `${id}.jpg`))
    const small = await pictures.thumbnail(file, PICTURE_SIZE).catch(() => undefined)
    return small ? `<img src="${small.url}" width="${small.width}" height="${small.height}" alt="">` : ''
  }
  const cards = (some: readonly ImageScores[]) =>
    Promise.all(some.map(async (image) => card(image, scores, await pictureOf(image))))
  const worst = await cards(sorted.slice(0, SHOWN))
  const best = await cards(sorted.slice(-SHOWN).reverse())
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Scores of ${counted(images.length, 'caption')}</title>
<style>${STYLE}</style>
<header><h1>Scores of ${counted(images.length, 'caption')}</h1>
${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('\n')}</header>
<main>
<section class="scores">${scores.map((score) => scoreFigure(score, images)).join('\n')}</section>
<section><h2>What the captions are like</h2>
<dl>${Object.entries(facts(diversity))
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
    .join('')}</dl></section>
<section><h2>The worst by ${by}</h2><div class="cards">${worst.join('\n')}</div></section>
<section><h2>The best by ${by}</h2><div class="cards">${best.join('\n')}</div></section>
<section><h2>Signatures</h2><p>Scores compare only with scores of the same signature.</p>
<ul>${scores.map(({ signature }) => `<li><code>${escapeHtml(signature)}</code></li>`).join('')}</ul></section>
</main>
</html>
`
}

/** A score with how the images' own are spread. */
function scoreFigure(
  { name, score, range, interval, comparison }: CorpusScore,
  images: readonly ImageScores[],
): string {
  const values = images.map(({ scores }) => scores[name]!).filter((value) => !Number.isNaN(value))
  const top = Math.min(range[1], Math.max(...values, range[1] / 10))
  const bins = new Array<number>(BINS).fill(0)
  for (const value of values) bins[Math.min(BINS - 1, Math.floor((value / top) * BINS))]! += 1
  const most = Math.max(...bins)
  const bars = bins.map((count, i) => {
    const height = (count / most) * 40
    const from = ((i / BINS) * top).toFixed(2)
    const to = (((i + 1) / BINS) * top).toFixed(2)
    return `<rect x="${i * 5}" y="${(40 - height).toFixed(2)}" width="4" height="${height.toFixed(2)}"><title>${from} to ${to}: ${counted(count, 'image')}</title></rect>`
  })
  const at = Math.min(BINS * 5, (score / top) * BINS * 5).toFixed(2)
  const sure = interval ? `<small>95% in ${interval.map((value) => value.toFixed(4)).join(' to ')}</small>` : ''
  const versus = comparison
    ? `<small>the other ${comparison.other.toFixed(4)}, ${comparison.difference < 0 ? 'worse' : 'better'} by ${Math.abs(comparison.difference).toFixed(4)} (p ${comparison.p.toFixed(3)})</small>`
    : ''
  return `<figure><figcaption>${name} <b>${score.toFixed(4)}</b> <small>of ${range[1]}</small>${sure}${versus}</figcaption>
<svg viewBox="0 0 ${BINS * 5} 52" role="img" aria-label="how the images' ${name} is spread">${bars.join('')}<line x1="${at}" x2="${at}" y1="0" y2="40"/><text x="0" y="50">0</text><text x="${BINS * 5}" y="50" text-anchor="end">${top.toFixed(top < 1 ? 2 : 1)}</text></svg></figure>`
}

function facts({ length, vocabulary, distinct_1, distinct_2, novel, selfCIDEr }: Evaluation['diversity']) {
  return {
    'words a caption': length.toFixed(1),
    'different words': vocabulary.toLocaleString('en'),
    'distinct-1': distinct_1.toFixed(4),
    'distinct-2': distinct_2.toFixed(4),
    ...(novel !== undefined && { 'novel captions': `${(100 * novel).toFixed(1)}%` }),
    ...(selfCIDEr !== undefined && { 'Self-CIDEr': selfCIDEr.toFixed(4) }),
  }
}

const card = ({ image_id, caption, references, scores }: ImageScores, order: readonly CorpusScore[], picture: string) =>
  `<article>${picture}<h3>${escapeHtml(caption) || '(nothing)'}</h3>
<ul>${references.map((reference) => `<li>${escapeHtml(reference)}</li>`).join('')}</ul>
<p class="numbers">${order.map(({ name }) => `<span>${name} ${scores[name]!.toFixed(3)}</span>`).join(' ')}</p>
<p class="id">${escapeHtml(String(image_id))}</p></article>`

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1d22; --soft: #667; --page: #fafaf8; --card: #fff; --line: #e3e3de; --bar: #d9a066; --mark: #8a3b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #ecebe6; --soft: #a2a3ad; --page: #16171a; --card: #1f2125; --line: #34363c; --bar: #8a5a2b; --mark: #ffc48a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--page); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; } h3 { font-size: 1rem; margin: .5rem 0 .25rem; }
header p { margin: .25rem 0; color: var(--soft); }
.scores { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; margin-top: 1rem; }
figure { margin: 0; padding: .75rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
figcaption b { font-size: 1.25rem; } figcaption small { display: inline-block; color: var(--soft); margin-left: .25rem; }
svg { width: 100%; height: auto; display: block; margin-top: .5rem; } rect { fill: var(--bar); } line { stroke: var(--mark); stroke-width: 1; }
text { fill: var(--soft); font-size: 7px; }
dl { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 0; } dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.15rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; align-items: start; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; overflow-wrap: anywhere; }
article img { width: 100%; height: auto; border-radius: .25rem; } article ul { margin: 0 0 .5rem; padding-left: 1.1rem; color: var(--soft); font-size: .9rem; }
.numbers { margin: 0; font-size: .8rem; font-variant-numeric: tabular-nums; } .numbers span { white-space: nowrap; margin-right: .5rem; } .id { margin: .25rem 0 0; color: var(--soft); font-size: .75rem; }
code { overflow-wrap: anywhere; font-size: .8rem; }
`
