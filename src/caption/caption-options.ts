import type { Watch } from '../progress.ts'
import { DEFAULT_BEAM, DEFAULT_MAX_LENGTH } from '../search/defaults.ts'
import type { NetworkPaths } from './feature-extractor.ts'

/** Options of a caption's search. */
export interface CaptionOptions {
  /** hypotheses that keep growing, 3 by default; 1 is greedy search */
  readonly beam?: number
  /** words a caption may have, the closing `<end>` counted; 20 by default */
  readonly maxLength?: number
  /** words a caption must have, the closing `<end>` not counted; 0 by default, and below `maxLength` */
  readonly minLength?: number
  /** cancels the request, also while it waits in the queue */
  readonly signal?: AbortSignal
}

/** Options for captioning a list of images. */
export interface CaptionAllOptions extends CaptionOptions, Pick<Watch, 'onProgress'> {}

/** Options for opening a captioner. */
export interface CaptionerOptions extends NetworkPaths {
  /**
   * the capacity of the queue of caption() and explain(), by default 256 images, and whether a call waits (the default)
   * or is refused when it is full
   */
  readonly queue?: { readonly capacity?: number; readonly whenFull?: 'wait' | 'refuse' }
}

/** The options of a search with their defaults filled in. */
export type SearchSettings = Required<Pick<CaptionOptions, 'beam' | 'maxLength' | 'minLength'>>

/** Fills in the defaults. Throws RangeError for options that contradict each other or are out of range. */
export function searchSettings(options: CaptionOptions): SearchSettings {
  const { beam = DEFAULT_BEAM, maxLength = DEFAULT_MAX_LENGTH, minLength = 0 } = options
  for (const [name, value, least] of [
    ['beam', beam, 1],
    ['maxLength', maxLength, 1],
    ['minLength', minLength, 0],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      throw new RangeError(`Cannot caption with ${name} ${value}: it must be a whole number of at least ${least}`)
  if (minLength >= maxLength)
    throw new RangeError(`Cannot caption with at least ${minLength} words and at most ${maxLength - 1}`)
  return { beam, maxLength, minLength }
}
