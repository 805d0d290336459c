import type { QueueOptions } from '../engine/queue.ts'
import type { Precision } from '../models/precision.ts'
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
  /** int8: the largest layers are quantised, see isQuantized(), and captions take less time; float32 by default */
  readonly precision?: Precision
  /**
   * the capacity of the queue of caption(), explain() and represent(), by default 256 images; whether a call waits (the
   * default) or is refused when it is full; and what is called with the number of images of each batch
   */
  readonly queue?: Partial<Omit<QueueOptions, 'batchSize'>>
}
