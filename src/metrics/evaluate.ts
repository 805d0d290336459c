import { captionTokens } from '../text/ptb.ts'
import { counted } from '../wording.ts'
import { bleu } from './bleu.ts'
import { cider } from './cider.ts'
import type { Metric, MetricName, Score } from './metric.ts'
import { type CaptionsById, readReferences } from './reference-files.ts'
import { refuse } from './refuse.ts'
import { readResults } from './results.ts'

/** Every metric, in the order in which papers list their scores. */
export const METRICS: readonly Metric[] = [bleu, cider]

/** Rises whenever a score of the same captions changes. */
const VERSION = 1

/** The parsed JSON of two files, not checked yet, and what to make of them. */
export interface EvaluationInput {
  /** COCO annotations, Karpathy's dataset file, or `{id: [captions]}`. */
  readonly references: unknown
  /** COCO results: `[{image_id, caption}]`. */
  readonly results: unknown
  /** Names of scores; all by default. */
  readonly metrics?: readonly string[] | undefined
  /** The part of Karpathy's file that the results are for; by default the one in which their first image stands. */
  readonly split?: string | undefined
  /** Score only the images that the results have, instead of refusing results that lack some. */
  readonly subset?: boolean | undefined
}

/** One score of all images together. */
export interface CorpusScore {
  readonly name: MetricName
  readonly score: number
  /** The worst and the best value possible. */
  readonly range: readonly [number, number]
  /** Everything the value depends on beside the captions: numbers with other signatures do not compare. */
  readonly signature: string
}

/** The scores of one caption. */
export interface ImageScores {
  readonly image_id: string | number
  readonly scores: Readonly<Partial<Record<MetricName, number>>>
}

/** What `evaluate` finds; plain data, to be printed or written as JSON. */
export interface Evaluation {
  readonly scores: readonly CorpusScore[]
  /** In the order of the references. */
  readonly images: readonly ImageScores[]
  /** What a reader of the scores should know, in sentences. */
  readonly notes: readonly string[]
}

/**
 * Scores a results file against a references file as coco-caption does, tokenising both.
 * Throws UserError for files of another form, metrics that do not exist, and results that lack images, repeat them, or
 * have some that the references have not.
 */
export function evaluate({ references, results, metrics, split, subset }: EvaluationInput): Evaluation {
  const wanted = chooseNames(metrics)
  const candidates = readResults(results)
  const captions = readReferences(references, candidates.keys(), split)
  const ids = matchImages(captions, [...candidates.keys()], subset ?? false)
  const candidateTokens = ids.map((id) => scoredTokens(candidates.get(id)!.caption))
  const referenceTokens = ids.map((id) => captions.get(id)!.map(scoredTokens))
  const scored = METRICS.flatMap((metric) => {
    if (!metric.names.some((name) => wanted.has(name))) return []
    const all = metric.prepare(referenceTokens).score(candidateTokens)
    return [...all].filter(([name]) => wanted.has(name)).map(([name, score]) => ({ metric, name, score }))
  })
  return {
    scores: scored.map(({ metric, name, score }) => ({
      name,
      score: score.corpus,
      range: [0, metric.best],
      signature: [name, 'tok:ptb-3.4.1', metric.choices, ...sizes(referenceTokens), `version:${VERSION}`].join('|'),
    })),
    images: ids.map((id, i) => ({
      image_id: candidates.get(id)!.image_id,
      scores: Object.fromEntries(scored.map(({ name, score }) => [name, score.each[i]])),
    })),
    notes: notesOn(ids.length, captions.size, candidateTokens, scored),
  }
}

function chooseNames(metrics: readonly string[] | undefined): ReadonlySet<string> {
  const known: readonly string[] = METRICS.flatMap((metric) => metric.names)
  const unknown = metrics?.filter((name) => !known.includes(name)) ?? []
  refuse('score results', unknown, 'metric', 'not known', `there are ${known.join(', ')}`)
  return new Set(metrics ?? known)
}

/** The images to score. Throws UserError where results and references are not of the same. */
function matchImages(captions: CaptionsById, results: readonly string[], subset: boolean): string[] {
  const found = new Set(results)
  const unknown = results.filter((id) => !captions.has(id))
  refuse('score results', unknown, 'image', 'not among the references', 'are they of another data set or split?')
  if (subset) return [...captions.keys()].filter((id) => found.has(id))
  const missing = [...captions.keys()].filter((id) => !found.has(id))
  const fault = `of ${captions.size.toLocaleString('en')} without a caption`
  refuse('score results', missing, 'image', fault, 'caption them too, or ask for the subset that has one')
  return [...captions.keys()]
}

/** Tokens as Python's split() leaves them to the original scorers: a no-break space inside one parts it. */
function scoredTokens(caption: string): string[] {
  return captionTokens(caption).flatMap((token) => token.split('\u00A0'))
}

function sizes(references: readonly (readonly unknown[])[]): string[] {
  const counts = references.map((captions) => captions.length)
  const [fewest, most] = counts.reduce(([low, high], n) => [Math.min(low, n), Math.max(high, n)], [Infinity, 0])
  return [`refs:${fewest === most ? most : `${fewest}-${most}`}`, `images:${references.length}`]
}

function notesOn(
  scoredImages: number,
  allImages: number,
  candidates: readonly (readonly string[])[],
  scored: readonly { readonly name: MetricName; readonly score: Score }[],
): string[] {
  const notes: string[] = []
  if (scoredImages < allImages)
    notes.push(
      `Scored ${counted(scoredImages, 'image')} of ${allImages.toLocaleString('en')}: those that the results have.`,
    )
  if (scoredImages === 1 && scored.some(({ name }) => name === 'CIDEr'))
    notes.push('CIDEr of one image is always 0: it weighs words by how few other images have them.')
  const wordless = candidates.filter((tokens) => tokens.length === 0).length
  if (wordless > 0) notes.push(`${counted(wordless, 'caption')} without a word, only punctuation.`)
  return notes
}
