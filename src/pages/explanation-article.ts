import type { ExplainedCaption } from '../caption/photo-caption.ts'
import type { Thumbnail } from '../engine/pictures.ts'
import { BASIC_MODELS } from '../models/basic-models.ts'
import type { CaptionerConfig } from '../models/config.ts'
import { alignmentOf, alignmentTable, largestWeights, weightBars } from './alignment.ts'
import { attentionShade, type RegionBox, regionBoxes, regionMarks, regionOutlines, round } from './attention-map.ts'
import { escapeHtml, fileName, percent } from './html.ts'

/** Regions in the table until the reader chooses another: those with the most attention over the whole caption. */
const SHOWN_REGIONS = 3
/** Concepts listed for a word that also attends to rows without a region. */
const SHOWN_OUTSIDE = 2

/** A caption with its attention. Without boxes no attention is drawn. */
export interface ArticleCaption
  extends Pick<ExplainedCaption, 'image' | 'caption' | 'concepts' | 'allConcepts' | 'explanation' | 'boxes'> {
  /** its words; their probabilities may be unknown */
  readonly words: readonly { readonly word: string; readonly probability?: number }[]
}

/** What an article shows besides the caption. */
export interface ArticleOptions {
  /** the picture; without it the regions are drawn on grey */
  readonly picture: Thumbnail | undefined
  /** whether the attention is over concepts and not over regions; see attendsToConcepts() */
  readonly overConcepts: boolean
  /** HTML below the words */
  readonly below?: string
}

/** Whether a model attends to concepts, word by word, and not to regions. */
export const attendsToConcepts = ({ basicModel, mia }: Pick<CaptionerConfig, 'basicModel' | 'mia'>): boolean =>
  !mia && BASIC_MODELS[basicModel].attention === 'textual'

/**
 * An article on a caption: the large picture with the regions that got the most attention, the concepts of the picture
 * and of the regions, and a small picture for each word, bright where the model attended. `number` is the article's
 * index in the page. Needs EXPLANATION_STYLE, and EXPLANATION_SCRIPT to answer the pointer.
 */
export function explanationArticle(
  caption: ArticleCaption,
  number: number,
  { picture, overConcepts, below = '' }: ArticleOptions,
): string {
  const boxes = regionBoxes(caption.boxes)
  const { words, alignment } = caption.explanation
  const drawn = boxes.length > 0
  const maps = overConcepts || !drawn ? undefined : words?.map((attention) => attention.subarray(0, boxes.length))
  const alignments = drawn && alignment ? boxes.map((_, region) => alignmentOf(region, caption)) : undefined
  const shown = mostAttended(boxes.length, maps)
  const data = { maps: maps?.map((map) => Array.from(map, round)), alignments }
  const outlines = alignments ? regionOutlines(boxes) + regionMarks(shown, boxes) : ''
  const name = escapeHtml(fileName(caption.image))
  const label = alignments ? `${name}: arrow keys choose a region` : name
  const table =
    alignments && alignmentTable(alignments, shown, maps ? 'the regions with the most attention' : 'three regions')
  const figures = caption.words.map(({ word, probability }, t) => {
    const bars = overConcepts && words ? conceptBars(words[t]!, caption) : ''
    const map = maps && wordMap(words![t]!, caption, boxes, `shade-${number}-${t}`)
    const percentage = probability === undefined ? '' : ` <small>${percent(probability)}</small>`
    const said = `<b>${escapeHtml(word)}</b>${percentage}`
    return `<li tabindex="0">${map?.picture ?? ''}${said}${bars}${map?.outside ?? ''}</li>`
  })
  const look = picture
    ? `--picture:url(${picture.url});--ratio:${picture.width}/${picture.height}`
    : '--picture:linear-gradient(#999,#999);--ratio:1'
  return `<article style="${look}">
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
${below}<script type="application/json">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
</article>`
}

const conceptList = ({ concepts }: ArticleCaption): string => {
  const each = concepts.map(({ word, score }) => `<span>${escapeHtml(word)} <small>${percent(score)}</small></span>`)
  return `<h3>Concepts found</h3>\n<p class="concepts">${each.join('')}</p>`
}

const conceptBars = (attention: Float32Array, { allConcepts }: ArticleCaption): string =>
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
  { allConcepts, explanation }: ArticleCaption,
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
