import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Captioner, ExplainedCaption, ImageCaption } from '../hosts/web/index.ts'
import { DEFAULT_BEAM } from '../search/defaults.ts'
import type { Picture } from './picture-input.tsx'

/** Captions of the search that are shown: as many as its beam has. */
const SHOWN_CAPTIONS = DEFAULT_BEAM

/** The caption of a picture as far as it is known: first the words, then what they are based on. */
export interface Shown {
  readonly picture: Picture
  /** an object URL of the picture */
  readonly url: string
  readonly caption?: ImageCaption
  readonly explained?: ExplainedCaption
  /** until the caption, in milliseconds */
  readonly took?: number
  /** why there is no caption */
  readonly fault?: string
}

/**
 * Captions a picture at a time, as soon as there is a captioner; a new picture aborts the work on the one before. The
 * second value gives the picture.
 */
export function useCaption(captioner: Captioner | undefined): [Shown | undefined, (picture: Picture) => void] {
  const [shown, setShown] = useState<Shown>()
  const url = useRef<string>(undefined)
  const give = useCallback((picture: Picture) => {
    if (url.current !== undefined) URL.revokeObjectURL(url.current)
    url.current = URL.createObjectURL(picture.blob)
    setShown({ picture, url: url.current })
  }, [])
  const picture = shown?.picture
  useEffect(() => {
    if (!captioner || !picture) return
    const abort = new AbortController()
    const { signal } = abort
    const add = (more: Partial<Shown>): void => setShown((before) => before && { ...before, ...more })
    const work = async (): Promise<void> => {
      const start = performance.now()
      const caption = await captioner.caption(picture.blob, { captions: SHOWN_CAPTIONS, signal })
      add({ caption, took: performance.now() - start })
      add({ explained: await captioner.explain(picture.blob, { signal }) })
    }
    work().catch((error: Error) => {
      if (!signal.aborted) add({ fault: error.message })
    })
    return () => abort.abort()
  }, [captioner, picture])
  return [shown, give]
}
