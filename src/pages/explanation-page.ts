import type { ExplainedCaption } from '../caption/photo-caption.ts'
import type { Pictures, Thumbnail } from '../engine/pictures.ts'
import { UserError } from '../errors.ts'
import type { CaptionerConfig } from '../models/config.ts'
import { basicModel as basicModelOf } from '../models/lstm/basic-models.ts'
import { inOrder } from '../vision/in-order.ts'
import { thousands } from '../wording.ts'
import { alignmentOf, alignmentTable, largestWeights, weightBars } from './alignment.ts'
import { attentionShade, type RegionBox, regionBoxes, regionMarks, regionOutlines, round } from './attention-map.ts'
import { EXPLANATION_SCRIPT } from './explanation-script.ts'
import { EXPLANATION_STYLE } from './explanation-style.ts'
import { escapeHtml, fileName, percent } from './html.ts'
import { documentParts } from './layout.ts'

/** The most pictures on a page: one of 200 has some 30 MB, and browsers get slow beyond. */
export const MAX_EXPLAINED = 200

const PICTURE_SIZE = 640
/** Pictures read ahead: enough to keep two cores busy while memory stays flat. */
const READ_AHEAD = 4
/** Regions in the table until the reader chooses another: those with the most attention over the whole caption. */
const SHOWN_REGIONS = 3
/** Concepts listed for a word that also attends to rows without a region. */
const SHOWN_OUTSIDE = 2

/** Throws UserError if a page would have more than MAX_EXPLAINED pictures; for callers to ask before the work. */
export function checkExplained(pictures: number): void {
  if (pictures > MAX_EXPLAINED)
    throw new UserError(
      `Cannot explain ${thousands(pictures)} pictures on one page: the limit is ${MAX_EXPLAINED}; ` +
        'give fewer pictures, or make several pages',
    )
}

/**
 * An HTML page, part by part, that shows what captions are based on: for each word the regions that the model attended
 * to, and with MIA the concepts that each region attends to, before mutual attention and after it. The page is one file
 * that fetches nothing. The pictures are read again, a few at a time. Throws UserError for more than MAX_EXPLAINED
 * captions, and ImageError if a picture can no longer be read.
 */
export async function* explanationPage(
  pictures: Pictures,
  captions: readonly ExplainedCaption[],
  { basicModel, mia }: Pick<CaptionerConfig, 'basicModel' | 'mia'>,
): AsyncGenerator<string> {
  checkExplained(captions.length)
  const model = `${basicModel}${mia ? ' with MIA' : ''}`
  const overConcepts = !mia && basicModelOf(basicModel).attention === 'textual'
  yield* documentParts(`Why these captions: ${model}`, {
    style: EXPLANATION_STYLE,
    body: pageBody(pictures, captions, model, overConcepts),
    script: EXPLANATION_SCRIPT,
  })
}

async function* pageBody(
  pictures: Pictures,
  captions: readonly ExplainedCaption[],
  model: string,
  overConcepts: boolean,
): AsyncGenerator<string> {
  yield `<header>
<h1>Why these captions</h1>
<p>${escapeHtml(model)}. ${lead(captions[0], overConcepts)}</p>
</header>
<main>
`
  const withThumbnail = async (caption: ExplainedCaption, i: number) =>
    article(caption, await pictures.thumbnail(caption.input, PICTURE_SIZE), i, overConcepts)
  for await (const html of inOrder(captions.entries(), ([i, caption]) => withThumbnail(caption, i), READ_AHEAD))
    yield `${html}\n`
  yield '</main>'
}

/** How to read the page. All captions come from one model, so the first decides. */
function lead(first: ExplainedCaption | undefined, overConcepts: boolean): string {
  const attention = !first?.explanation.words
    ? 'This model does not attend word by word: it gets the picture as a whole.'
    : overConcepts
      ? 'Under each word are the concepts that the model attended to most.'
      : 'Above each word, the picture is bright where the model attended.'
  const alignment = first?.explanation.alignment
    ? ' Point at a region of the large picture, or focus it and press the arrow keys, to see its concepts.'
    : ''
  return `${attention} The percentage after a word is its probability.${alignment}`
}

function article(caption: ExplainedCaption, picture: Thumbnail, number: number, overConcepts: boolean): string {
  const boxes = regionBoxes(caption.boxes)
  const { words, alignment } = caption.explanation
  const maps = overConcepts ? undefined : words?.map((attention) => attention.subarray(0, boxes.length))
  const alignments = alignment && boxes.map((_, region) => alignmentOf(region, caption))
  const shown = mostAttended(boxes.length, maps)
  const data = { maps: maps?.map((map) => Array.from(map, round)), alignments }
  const outlines = alignments ? regionOutlines(boxes) + regionMarks(shown, boxes) : ''
  const name = escapeHtml(fileName(caption.image))
  const label = alignments ? `${name}: arrow keys choose a region` : name
  const table =
    alignments && alignmentTable(alignments, shown, maps ? 'the regions with the most attention' : 'three regions')
  const figures = caption.words.map(({ word, probability }, t) => {
    const below = overConcepts && words ? conceptBars(words[t]!, caption) : ''
    const map = maps && wordMap(words![t]!, caption, boxes, `shade-${number}-${t}`)
    const said = `<b>${escapeHtml(word)}</b> <small>${percent(probability)}</small>`
    return `<li tabindex="0">${map?.picture ?? ''}${said}${below}${map?.outside ?? ''}</li>`
  })
  return `<article style="--picture:url(${picture.url});--ratio:${picture.width}/${picture.height}">
<h2>${escapeHtml(caption.caption || '(empty caption)')}</h2>
<p class="file">${name}</p>
<div class="overview">
<div class="large picture" role="img"${alignments ? ' tabindex="0"' : ''} aria-label="${label}">
${attentionShade(undefined, boxes, `shade-${number}`)}${outlines}
</div>
<div class="side">
${caption.allConcepts.length > 0 ? conceptList(caption) : ''}
${table ?? ''}
</div>
</div>
<ol class="words">
${figures.join('\n')}
</ol>
<script type="application/json">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
</article>`
}

const conceptList = ({ concepts }: ExplainedCaption): string => {
  const each = concepts.map(({ word, score }) => `<span>${escapeHtml(word)} <small>${percent(score)}</small></span>`)
  return `<h3>Concepts found</h3>\n<p class="concepts">${each.join('')}</p>`
}

const conceptBars = (attention: Float32Array, { allConcepts }: ExplainedCaption): string =>
  weightBars(
    largestWeights(
      attention,
      allConcepts.map(({ word }) => word),
    ),
  )

/**
 * The picture of a word, shaded by its attention over the regions, and a note on its attention outside of them: with
 * MIA and more concepts than regions, the SGIR has rows without a region.
 */
function wordMap(
  attention: Float32Array,
  { allConcepts, explanation }: ExplainedCaption,
  boxes: readonly RegionBox[],
  id: string,
): { readonly picture: string; readonly outside: string } {
  const map = attention.subarray(0, boxes.length)
  const rows = Math.max(boxes.length, explanation.alignment ? allConcepts.length : 0)
  const title = `highest attention weight ${percent(Math.max(...map))}, uniform would be ${percent(1 / rows)}`
  const names = allConcepts.slice(boxes.length).map(({ word }) => word)
  return {
    picture: `<div class="picture" title="${title}">${attentionShade(map, boxes, id)}</div>`,
    outside: rows > boxes.length ? outsideRegions(attention.subarray(boxes.length, rows), names) : '',
  }
}

/** The attention on rows without a region; nothing below 1%. */
function outsideRegions(attention: Float32Array, names: readonly string[]): string {
  const sum = attention.reduce((total, weight) => total + weight, 0)
  if (sum < 0.01) return ''
  const largest = largestWeights(attention, names).slice(0, SHOWN_OUTSIDE)
  const listed = largest.map(([name]) => escapeHtml(name)).join(', ')
  return `<br><small>${percent(sum)} on concepts without a region: ${listed}</small>`
}

/** The regions with the most attention over all words, most first; the first ones for models without attention. */
function mostAttended(regions: number, maps: readonly Float32Array[] | undefined): number[] {
  const sums = Array.from({ length: regions }, (_, region) => (maps ?? []).reduce((sum, map) => sum + map[region]!, 0))
  return [...sums.keys()].sort((a, b) => sums[b]! - sums[a]!).slice(0, SHOWN_REGIONS)
}
