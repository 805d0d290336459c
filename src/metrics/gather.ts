import { type CaptionFile, readReferences, readResults } from '../annotations/captions.ts'
import { asAnnotationFile } from '../annotations/file.ts'
import { type IdMatch, matchIds } from '../annotations/ids.ts'
import { refuse } from '../annotations/refuse.ts'
import { remarkOnLength, remarksOn } from '../annotations/remarks.ts'
import { visible } from '../annotations/visible.ts'
import { captionTokens } from '../text/ptb.ts'
import { counted, firstFew, thousands } from '../wording.ts'
import type { Tokens } from './metric.ts'
import { hasSplits, type ImagesById, imagesOfSplit } from './reference-files.ts'

/** A references and a results file, not validated yet, and how to match them. */
export interface Files {
  /** Parsed JSON in any form of docs/formats.md, or an AnnotationFile. */
  readonly references: unknown
  /** Parsed JSON in any form of docs/formats.md, or an AnnotationFile. */
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
  /** Number of images in the references that have captions. */
  readonly available: number
  /** Image ids as text, as in the references. */
  readonly ids: readonly string[]
  /** Image ids as in the results file. */
  readonly imageIds: readonly (string | number)[]
  /** File names of the images, where the references have them. */
  readonly files: readonly (string | undefined)[]
  /** The first caption of each image, not tokenised. */
  readonly captions: readonly string[]
  /** The references of each image, not tokenised. */
  readonly references: readonly (readonly string[])[]
  /** The first caption of each image. */
  readonly candidateTokens: readonly Tokens[]
  /** All captions of each image. */
  readonly allTokens: readonly (readonly Tokens[])[]
  readonly referenceTokens: readonly (readonly Tokens[])[]
  /** The images of the references, of the split that was chosen. */
  readonly known: ImagesById
  /** The forms that were recognised. */
  readonly forms: Readonly<Record<'references' | 'results', string>>
  /** What was left out or is odd in the files, in sentences. */
  readonly notes: readonly string[]
}

/**
 * Reads, matches and tokenises results and references. Throws UserError for files in another format, and for results
 * that lack images, repeat them, or have images without references.
 */
export function gather({
  references: referencesJson,
  results: resultsJson,
  split,
  subset = false,
  several = false,
  emptyAsZero = false,
}: Files): Gathered {
  const results = readResults(asAnnotationFile(resultsJson, 'results'), { several, emptyAsZero })
  const references = readReferences(asAnnotationFile(referencesJson, 'references'))
  const match = matchIds(results.images.values(), references.images.values())
  refuseUnknown(results, references, match)
  const known = imagesOfSplit(references, match.ids.values(), split)
  const byReference = new Map([...match.ids].map(([asked, id]) => [id, results.images.get(asked)!]))
  const ids = chooseImages(results, references, known, byReference, subset)
  const matched = ids.map((id) => byReference.get(id)!)
  const allTokens = matched.map(({ captions }) => captions.map(scoredTokens))
  const candidateTokens = allTokens.map(([first]) => first!)
  const referencesOfImages = ids.map((id) => known.get(id)!.captions)
  const referenceTokens = referencesOfImages.map((captions) => captions.map(scoredTokens))
  const without = [...known.values()].filter(({ captions }) => captions.length === 0).map(({ id }) => visible(id))
  return {
    available: known.size - without.length,
    ids,
    imageIds: matched.map(({ given }) => given),
    files: ids.map((id) => known.get(id)!.file),
    captions: matched.map(({ captions }) => captions[0]!),
    references: referencesOfImages,
    candidateTokens,
    allTokens,
    referenceTokens,
    known,
    forms: { references: references.form, results: results.form },
    notes: [
      ...references.notes,
      ...(without.length > 0
        ? [`Left out ${counted(without.length, 'image')} without references: ${firstFew(without)}.`]
        : []),
      ...(match.note === undefined ? [] : [match.note]),
      ...(split !== undefined && !hasSplits(references)
        ? ['The references have no splits: --split has no effect.']
        : []),
      ...remarksOn({ results: matched.flatMap(({ captions }) => captions), references: referencesOfImages.flat() }),
      ...remarkOnLength({ results: meanLength(candidateTokens), references: meanLength(referenceTokens.flat()) }),
    ],
  }
}

/** Another system's captions of the same images, and the form of its file. */
export interface OtherResults {
  /** Not tokenised. */
  readonly captions: readonly string[]
  readonly candidateTokens: readonly Tokens[]
  readonly form: string
}

/** Another system's captions of the gathered images. Throws UserError if an image has none. */
export function gatherOther(resultsJson: unknown, { ids, known }: Gathered, emptyAsZero: boolean): OtherResults {
  const results = readResults(asAnnotationFile(resultsJson, 'other results'), { several: false, emptyAsZero })
  const match = matchIds(results.images.values(), known.values())
  const byReference = new Map([...match.ids].map(([asked, id]) => [id, results.images.get(asked)!]))
  const missing = ids.filter((id) => !byReference.has(id))
  const advice = `they have ids like ${idsLike(results.images)}; give a caption for each image`
  refuse(`compare ${results.name}`, missing, 'image', 'without a caption in them', advice)
  const captions = ids.map((id) => byReference.get(id)!.captions[0]!)
  return { captions, candidateTokens: captions.map(scoredTokens), form: results.form }
}

/** Throws UserError, with ids of both files, if the references lack images of the results. */
function refuseUnknown(results: CaptionFile, references: CaptionFile, { ids, hint }: IdMatch): void {
  const unknown = [...results.images.keys()].filter((id) => !ids.has(id))
  const advice = hint ?? 'give the references of their dataset and split'
  refuse(
    `score ${results.name}`,
    unknown,
    'image',
    `not among the ${references.name}`,
    `the references have ids like ${idsLike(references.images)}; ${advice}`,
  )
}

/** The ids of the images to score. Throws UserError if results and references have different images. */
function chooseImages(
  results: CaptionFile,
  references: CaptionFile,
  known: ImagesById,
  byReference: ImagesById,
  subset: boolean,
): string[] {
  const action = `score ${results.name}`
  const elsewhere = [...byReference.keys()].filter((id) => !known.has(id))
  refuse(
    action,
    elsewhere,
    'image',
    `of another split of the ${references.name}`,
    'give results of one split, as chosen with --split',
  )
  const withCaptions = [...known.values()].filter(({ captions }) => captions.length > 0).map(({ id }) => id)
  const wordless = [...byReference.keys()].filter((id) => known.get(id)!.captions.length === 0)
  refuse(action, wordless, 'image', `without captions in the ${references.name}`, 'leave it out of the results')
  if (subset) return withCaptions.filter((id) => byReference.has(id))
  const missing = withCaptions.filter((id) => !byReference.has(id))
  const fault = `of ${thousands(withCaptions.length)} without a caption`
  refuse(action, missing, 'image', fault, 'give one for each image, or score the others alone with --subset')
  return withCaptions
}

const idsLike = (images: ImagesById): string =>
  [...images.keys()]
    .slice(0, 2)
    .map((id) => firstFew([visible(id)]))
    .join(' and ')

/** Mean number of tokens; NaN for no captions. */
const meanLength = (captions: readonly Tokens[]): number =>
  captions.reduce((sum, { length }) => sum + length, 0) / captions.length

/** Tokenises a caption as the original scorers see it: Python's split() also splits tokens at no-break spaces. */
export function scoredTokens(caption: string): string[] {
  return captionTokens(caption).flatMap((token) => token.split('\u00A0'))
}
