import type { Watch } from '../progress.ts'
import type { NetworkPaths } from './feature-extractor.ts'
import type { SearchChoices } from './search-settings.ts'

/** Options of a caption's search. */
export interface CaptionOptions extends SearchChoices {
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
