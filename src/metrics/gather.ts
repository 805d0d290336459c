import { captionTokens } from '../text/ptb.ts'
import type { Tokens } from './metric.ts'
import { type CaptionsById, readReferences } from './reference-files.ts'
import { refuse } from './refuse.ts'
import { type ResultsById, readResults } from './results.ts'

/** The parsed JSON of two files, not checked yet. */
export interface Files {
  /** COCO annotations, Karpathy's dataset file, or `{id: [captions]}` */
  readonly references: unknown
  /** COCO results: `[{image_id, caption}]` */
  readonly results: unknown
  /** the part of Karpathy's file that the results are for; by default the one in which their first image stands */
  readonly split?: string | undefined
  /** score only the images that the results have, instead of refusing results that lack some */
  readonly subset?: boolean | undefined
  /** results may have several captions of an image; the first is scored */
  readonly several?: boolean | undefined
  /** results may have empty captions, which score 0 */
  readonly emptyAsZero?: boolean | undefined
}

/** The captions of the images that are to be scored, one after the other in the order of the references. */
export interface Gathered {
  /** images that the references have */
  readonly available: number
  readonly ids: readonly string[]
  /** the id as the results have it */
  readonly imageIds: readonly (string | number)[]
  /** as they were given: the first of each image */
  readonly captions: readonly string[]
  readonly references: readonly (readonly string[])[]
  readonly candidateTokens: readonly Tokens[]
  /** of all captions of each image */
  readonly allTokens: readonly (readonly Tokens[])[]
  readonly referenceTokens: readonly (readonly Tokens[])[]
}

/**
 * Puts results and references together. Throws UserError for files of another form, and for results that lack images, repeat them, or have some that the
 * references have not.
 */
export function gather({
  references,
  results,
  split,
  subset = false,
  several = false,
  emptyAsZero = false,
}: Files): Gathered {
  const candidates = readResults(results, { several, emptyAsZero })
  const people = readReferences(references, candidates.keys(), split)
  const ids = matchImages(people, candidates, subset)
  const made = ids.map((id) => candidates.get(id)!)
  const allTokens = made.map((captions) => captions.map(({ caption }) => scoredTokens(caption)))
  return {
    available: people.size,
    ids,
    imageIds: made.map(([first]) => first!.image_id),
    captions: made.map(([first]) => first!.caption),
    references: ids.map((id) => people.get(id)!),
    candidateTokens: allTokens.map(([first]) => first!),
    allTokens,
    referenceTokens: ids.map((id) => people.get(id)!.map(scoredTokens)),
  }
}

/** Another system's captions of the same images. Throws UserError where they are not of the same images. */
export function gatherOther(results: unknown, ids: readonly string[], emptyAsZero: boolean): Tokens[] {
  const candidates = readResults(results, { several: false, emptyAsZero })
  const missing = ids.filter((id) => !candidates.has(id))
  refuse('compare results', missing, 'image', 'without a caption in the other results', 'caption them too')
  return ids.map((id) => scoredTokens(candidates.get(id)![0]!.caption))
}

/** The images to score. Throws UserError where results and references are not of the same. */
function matchImages(captions: CaptionsById, results: ResultsById, subset: boolean): string[] {
  const unknown = [...results.keys()].filter((id) => !captions.has(id))
  refuse('score results', unknown, 'image', 'not among the references', 'are they of another data set or split?')
  if (subset) return [...captions.keys()].filter((id) => results.has(id))
  const missing = [...captions.keys()].filter((id) => !results.has(id))
  const fault = `of ${captions.size.toLocaleString('en')} without a caption`
  refuse('score results', missing, 'image', fault, 'caption them too, or ask for the subset that has one')
  return [...captions.keys()]
}

/** Tokens as Python's split() leaves them to the original scorers: a no-break space inside one parts it. */
export function scoredTokens(caption: string): string[] {
  return captionTokens(caption).flatMap((token) => token.split('\u00A0'))
}
