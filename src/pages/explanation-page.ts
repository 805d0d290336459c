import { basename } from 'node:path'
import type { ExplainedCaption } from '../caption/captioner.ts'
import type { Pictures, Thumbnail } from '../engine/pictures.ts'
import type { CaptionerConfig } from '../models/config.ts'
import { basicModel as basicModelOf } from '../models/lstm/basic-models.ts'
import { script, style } from './explanation-assets.ts'
import { escapeHtml, percent } from './html.ts'

/** Where a region lies in its picture, in parts of its width and height. */
interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** A region's most attended concepts, before MIA and after. */
interface Alignment {
  readonly before: readonly Share[]
  readonly after: readonly Share[]
}

/** A concept's word, and its part of the attention, from 0 to 1. */
type Share = readonly [word: string, share: number]

const PICTURE_SIZE = 640
/** Concepts shown of a region or, for the models that attend to concepts, of a word. */
const SHOWN_CONCEPTS = 5
/** Regions shown without a click: those that the whole caption looked at most. */
const SHOWN_REGIONS = 3

/**
 * A page that says why each caption: for each word the regions that the model attended to, and with MIA for each region the concepts it is aligned
 * with before and after. One file, without anything from elsewhere. The pictures are read again from their paths.
 */
export async function explanationPage(
  pictures: Pictures,
  captions: readonly ExplainedCaption[],
  { basicModel, mia }: Pick<CaptionerConfig, 'basicModel' | 'mia'>,
): Promise<string> {
  const overConcepts = !mia && basicModelOf(basicModel).attention === 'textual'
  const thumbnails = await Promise.all(captions.map(({ picture }) => pictures.thumbnail(picture, PICTURE_SIZE)))
  const cards = captions.map((caption, i) => card(caption, thumbnails[i]!, i, overConcepts))
  const model = `${basicModel}${mia ? ' with MIA' : ''}`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Why these captions: ${escapeHtml(model)}</title>
<style>${style}</style>
<header>
<h1>Why these captions</h1>
<p>${escapeHtml(model)}. ${lead(captions[0], overConcepts)}</p>
</header>
<main>${cards.join('\n')}</main>
<script>${script}</script>
</html>
`
}

const lead = (first: ExplainedCaption | undefined, overConcepts: boolean): string =>
  [
    first?.explanation.words
      ? overConcepts
        ? 'Under each word are the concepts that the model attended to when it said that word; the figure is the probability that it gave the word.'
        : 'Under each word the picture is bright where the model looked when it said that word; the figure is the probability that it gave the word.'
      : 'This model does not look word by word: it is fed with the picture as a whole; the figure is the probability that it gave each word.',
    first?.explanation.alignment
      ? 'Point at a place of the large picture to see which concepts that region is aligned with.'
      : '',
  ].join(' ')

function card(caption: ExplainedCaption, picture: Thumbnail, number: number, overConcepts: boolean): string {
  const boxes = boxesOf(caption.boxes)
  const { words, alignment } = caption.explanation
  const maps = overConcepts ? undefined : words?.map((attention) => attention.subarray(0, boxes.length))
  const alignments = alignment && boxes.map((_, region) => alignmentOf(region, caption))
  const shown = mostLookedAt(boxes.length, maps)
  const data = {
    maps: maps?.map((map) => Array.from(map, round)),
    alignments,
  }
  const lookOf = (t: number) =>
    maps && {
      map: maps[t]!,
      veil: veil(maps[t], boxes, `veil-${number}-${t}`),
      rows: Math.max(boxes.length, alignment ? caption.allConcepts.length : 0),
      beside: alignment
        ? words![t]!.subarray(boxes.length, Math.max(boxes.length, caption.allConcepts.length))
        : undefined,
    }
  const url = `--picture:url(${picture.url});--ratio:${picture.width}/${picture.height}`
  return `<article style="${url}">
<h2>${escapeHtml(caption.caption || '(nothing)')}</h2>
<p class="file">${escapeHtml(basename(caption.image))}</p>
<div class="look">
<div class="large picture" tabindex="0" aria-label="the picture">${veil(undefined, boxes, `veil-${number}`)}${alignments ? targets(boxes) + marks(shown, boxes) : ''}</div>
<div class="side">
${caption.allConcepts.length > 0 ? `<h3>Concepts found</h3>\n<p class="concepts">${caption.concepts.map(({ word, score }) => `<span>${escapeHtml(word)} <small>${percent(score)}</small></span>`).join('')}</p>` : ''}
${alignments ? alignmentSection(alignments, shown, maps !== undefined) : ''}
</div>
</div>
<ol class="words">
${caption.words.map(({ word, probability }, t) => wordFigure(word, probability, lookOf(t), overConcepts ? words?.[t] : undefined, caption)).join('\n')}
</ol>
<script type="application/json">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
</article>`
}

/** Where the model looked for a word. */
interface Look {
  /** its parts on the regions */
  readonly map: Float32Array
  readonly veil: string
  /** how many rows it had to look at */
  readonly rows: number
  /** with MIA and more concepts than regions, its parts on the rows of those concepts that no region shares */
  readonly beside: Float32Array | undefined
}

function wordFigure(
  word: string,
  probability: number,
  look: Look | undefined,
  overConcepts: Float32Array | undefined,
  { allConcepts }: ExplainedCaption,
): string {
  const title =
    look &&
    `largest part of the attention: ${percent(Math.max(...look.map))}; evenly spread it would be ${percent(1 / look.rows)}`
  const figure = look ? `<div class="picture" title="${title}">${look.veil}</div>` : ''
  const names = allConcepts.map(({ word: name }) => name)
  const bars = overConcepts ? shares(best(overConcepts, 0, names.length, names)) : ''
  return `<li tabindex="0">${figure}<b>${escapeHtml(word)}</b> <small>${percent(probability)}</small>${bars}${besideRegions(look, names)}</li>`
}

/** What of the attention is on no region; nothing where all is. */
function besideRegions(look: Look | undefined, names: readonly string[]): string {
  const { beside, map } = look ?? {}
  const part = beside?.reduce((sum, share) => sum + share, 0) ?? 0
  if (!beside || !map || part < 0.01) return ''
  const most = best(beside, 0, beside.length, names.slice(map.length)).slice(0, 2)
  return `<br><small>${percent(part)} not on regions but on concepts, as ${most.map(([name]) => escapeHtml(name)).join(', ')}</small>`
}

/** Darkens a picture but for where it was looked at: a mask has a hole for each region, the more open the more it was looked at. */
function veil(map: Float32Array | undefined, boxes: readonly Box[], id: string): string {
  const most = map ? Math.max(...map) : 1
  const holes = boxes.map(({ x, y, width, height }, i) => {
    const open = map ? round(map[i]! / most) : 1
    return `<rect class="hole" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" opacity="${open}"/>`
  })
  const whole = 'width="1" height="1"'
  return (
    `<svg class="veil"${map ? '' : ' hidden'} viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">` +
    `<mask id="${id}"><rect ${whole} fill="#fff"/>${holes.join('')}</mask><rect class="dark" ${whole} mask="url(#${id})"/></svg>`
  )
}

/** What the pointer finds: an outline for each region. */
const targets = (boxes: readonly Box[]): string =>
  `<svg class="targets" viewBox="0 0 1 1" preserveAspectRatio="none">${[...boxes.entries()]
    .sort(([, a], [, b]) => b.width * b.height - a.width * a.height) // the small ones on top, or they could not be pointed at
    .map(
      ([i, { x, y, width, height }]) =>
        `<rect data-region="${i}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"/>`,
    )
    .join('')}</svg>`

/** The regions that a caption looked at most, most first; the first ones where it did not look word by word. */
function mostLookedAt(regions: number, maps: readonly Float32Array[] | undefined): number[] {
  const looked = Array.from({ length: regions }, (_, region) =>
    (maps ?? []).reduce((sum, map) => sum + map[region]!, 0),
  )
  return [...looked.keys()].sort((a, b) => looked[b]! - looked[a]!).slice(0, SHOWN_REGIONS)
}

/** Numbers on the picture for the rows of the table of alignments. */
const marks = (regions: readonly number[], boxes: readonly Box[]): string =>
  regions
    .map((region, i) => {
      const { x, y, width, height } = boxes[region]!
      return `<span class="mark" style="left:${percentOf(x + width / 2)};top:${percentOf(y + height / 2)}">${i + 1}</span>`
    })
    .join('')

const percentOf = (part: number): string => `${round(part * 100)}%`

/** The alignments of some regions; the script shows another region's where one points. */
function alignmentSection(alignments: readonly Alignment[], regions: readonly number[], looked: boolean): string {
  const rows = regions.map(
    (region, i) =>
      `<tr data-region="${region}"><th>${i + 1}</th><td>${shares(alignments[region]!.before)}</td><td>${shares(alignments[region]!.after)}</td></tr>`,
  )
  const whose = looked ? 'the regions looked at most' : 'three regions'
  return `<h3>Concepts of a region <small class="which">${whose}</small></h3>
<table><thead><tr><th></th><th>before MIA</th><th>after MIA</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function alignmentOf(region: number, { explanation, allConcepts }: ExplainedCaption): Alignment {
  const { before, after } = explanation.alignment!
  const size = Math.sqrt(before.length)
  const names = allConcepts.map(({ word }) => word)
  return {
    before: best(before, region * size, size, names),
    after: best(after, region * size, size, names),
  }
}

/** The largest parts of a row of attention, with the concepts' words, in parts of what is on them all: MIA's filled-up rows have no words. */
function best(attention: Float32Array, start: number, size: number, names: readonly string[]): Share[] {
  const named = attention.subarray(start, start + Math.min(size, names.length))
  const whole = named.reduce((sum, share) => sum + share, 0) || 1
  return Array.from(named, (share, i): Share => [names[i]!, round(share / whole)])
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN_CONCEPTS)
}

const shares = (each: readonly Share[]): string =>
  each
    .map(
      ([word, share]) =>
        `<span class="share" style="--share:${share}">${escapeHtml(word)} <small>${percent(share)}</small></span>`,
    )
    .join('')

function boxesOf(edges: Float32Array): Box[] {
  return Array.from({ length: edges.length / 4 }, (_, i) => {
    const [left, top, right, bottom] = edges.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number]
    return { x: left, y: top, width: right - left, height: bottom - top }
  })
}

const round = (x: number): number => Number(x.toFixed(4))
