import {
  type CaptionAllSettings,
  captionAll,
  IMAGES_PER_BATCH,
  type ImageCaption,
  type ImageInputs,
} from '../caption/caption-all.ts'
import { type Sharing, shareIn } from '../distributed/sharing.ts'
import type { Progress } from '../progress.ts'
import type { ModelDecoder } from '../search/model-stepper.ts'

/** How captions are searched for. */
export interface SharedCaptionOptions extends Omit<CaptionAllSettings, 'onProgress' | 'signal'> {
  /** progress of this part */
  readonly onProgress?: Progress | undefined
}

/**
 * Like captionAll(), with the images shared out. Returns all captions, the same as those of one process, where the
 * parts are put together, and undefined elsewhere.
 */
export async function captionShared(
  decoder: ModelDecoder,
  inputs: ImageInputs,
  ids: readonly string[],
  { onProgress, ...options }: SharedCaptionOptions,
  sharing: Sharing,
): Promise<readonly ImageCaption[] | undefined> {
  const { start, end } = shareIn(sharing, ids.length, IMAGES_PER_BATCH)
  const parts = await sharing.collect((signal) => {
    const watch = { ...(onProgress && { onProgress }), ...(signal && { signal }) }
    return captionAll(decoder, inputs, ids.slice(start, end), { ...options, ...watch })
  })
  return parts?.flat()
}
