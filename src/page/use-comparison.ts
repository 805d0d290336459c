import { useEffect, useState } from 'preact/hooks'
import type { Captioner, ExplainedCaption } from '../hosts/web/index.ts'
import type { Shown } from './use-caption.ts'
import { type Loading, useCaptioner } from './use-captioner.ts'

/** The captioner without MIA beside the page's, and its caption of the picture. */
export interface Comparison {
  /** what it takes to load it, in bytes */
  readonly bytes: number
  /** how far it is loaded; undefined until it is asked for */
  readonly loading: Loading | undefined
  /** Loads it, or tries again. */
  start(): void
  readonly explained?: ExplainedCaption
  /** why there is no caption */
  readonly fault?: string
}

/**
 * The comparison of what `captioner` says with what the same model says without MIA; undefined if that was not exported
 * with it. Its files are fetched when the visitor asks for it. It captions after the page's captioner has.
 */
export function useComparison(captioner: Captioner | undefined, shown: Shown | undefined): Comparison | undefined {
  const other = captioner?.info.index.withoutMia
  const [isWanted, setWanted] = useState(false)
  const [loading, retry] = useCaptioner(isWanted && other ? `model/${other.folder}/` : undefined)
  const [result, setResult] = useState<Pick<Comparison, 'explained' | 'fault'>>({})
  const second = loading.state === 'ready' ? loading.captioner : undefined
  const picture = shown?.explained && shown.picture
  useEffect(() => {
    setResult({})
    if (!second || !picture) return
    const abort = new AbortController()
    second.explain(picture.blob, { signal: abort.signal }).then(
      (explained) => setResult({ explained }),
      (error: Error) => abort.signal.aborted || setResult({ fault: error.message }),
    )
    return () => abort.abort()
  }, [second, picture])
  if (!other) return undefined
  return {
    bytes: other.bytes,
    loading: isWanted ? loading : undefined,
    start: isWanted ? retry : () => setWanted(true),
    ...result,
  }
}
