import { captionTokens } from '../text/ptb.ts'
import { thousands } from '../wording.ts'
import type { Tokens } from './metric.ts'
import { type CaptionsById, readReferences } from './reference-files.ts'
import { refuse } from './refuse.ts'
import { type ResultsById, readResults } from './results.ts'

/** The parsed JSON of a references and a results file, not validated yet, and how to match them. */
export interface Files {
  /** COCO annotations, Karpathy's dataset file, or `{id: [captions]}`. */
  readonly references: unknown
  /** COCO results: `[{image_id, caption}]`. */
  readonly results: unknown
  /** The split of Karpathy's file that the results are for; by default the split of their first image. */
  readonly split?: string | undefined
  /** Scores only the images that the results have, instead of refusing results that lack some. */
  readonly subset?: boolean | undefined
  /** Accepts several captions per image and scores the first. */
  readonly several?: boolean | undefined
  /** Accepts empty captions, which score 0. */
  readonly emptyAsZero?: boolean | undefined
}

/** The captions of the scored images; every list is in the order of the references. */
export interface Gathered {
  /** Number of images in the references. */
  readonly available: number
  /** Image ids as text. */
  readonly ids: readonly string[]
  /** Image ids as in the results file. */
  readonly imageIds: readonly (string | number)[]
  /** The first caption of each image, not tokenised. */
  readonly captions: readonly string[]
  /** The references of each image, not tokenised. */
  readonly references: readonly (readonly string[])[]
  /** The first caption of each image. */
  readonly candidateTokens: readonly Tokens[]
  /** All captions of each image. */
  readonly allTokens: readonly (readonly Tokens[])[]
  readonly referenceTokens: readonly (readonly Tokens[])[]
}

/**
 * Reads, matches and tokenises results and references. Throws UserError for files in another format, and for results
 * that lack images, repeat them, or have images without references.
 */
export function gather({
  references: referencesJson,
  results,
  split,
  subset = false,
  several = false,
  emptyAsZero = false,
}: Files): Gathered {
  const candidates = readResults(results, { several, emptyAsZero })
  const references = readReferences(referencesJson, candidates.keys(), split)
  const ids = matchImages(references, candidates, subset)
  const matched = ids.map((id) => candidates.get(id)!)
  const allTokens = matched.map((captions) => captions.map(({ caption }) => scoredTokens(caption)))
  return {
    available: references.size,
    ids,
    imageIds: matched.map(([first]) => first!.image_id),
    captions: matched.map(([first]) => first!.caption),
    references: ids.map((id) => references.get(id)!),
    candidateTokens: allTokens.map(([first]) => first!),
    allTokens,
    referenceTokens: ids.map((id) => references.get(id)!.map(scoredTokens)),
  }
}

/** The tokens of another system's captions of the images `ids`. Throws UserError if an image has none. */
export function gatherOther(results: unknown, ids: readonly string[], emptyAsZero: boolean): Tokens[] {
  const candidates = readResults(results, { several: false, emptyAsZero })
  const missing = ids.filter((id) => !candidates.has(id))
  refuse('compare results', missing, 'image', 'without a caption in the other results', 'give one for each image')
  return ids.map((id) => scoredTokens(candidates.get(id)![0]!.caption))
}

/** The ids of the images to score. Throws UserError if results and references have different images. */
function matchImages(references: CaptionsById, results: ResultsById, subset: boolean): string[] {
  const unknown = [...results.keys()].filter((id) => !references.has(id))
  refuse(
    'score results',
    unknown,
    'image',
    'not among the references',
    'give the references of their data set and split',
  )
  if (subset) return [...references.keys()].filter((id) => results.has(id))
  const missing = [...references.keys()].filter((id) => !results.has(id))
  const fault = `of ${thousands(references.size)} without a caption`
  refuse('score results', missing, 'image', fault, 'give one for each image, or score the others alone with --subset')
  return [...references.keys()]
}

/** Tokenises a caption as the original scorers see it: Python's split() also splits tokens at no-break spaces. */
export function scoredTokens(caption: string): string[] {
  return captionTokens(caption).flatMap((token) => token.split('\u00A0'))
}
