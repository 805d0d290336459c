import { useCallback, useEffect, useState } from 'preact/hooks'
import { Captioner } from '../hosts/web/index.ts'
import { offline } from './offline.ts'

/** How far a captioner is loaded: bytes of its files, itself, or why it cannot be loaded. */
export type Loading =
  | { readonly state: 'loading'; readonly done: number; readonly total: number }
  | { readonly state: 'ready'; readonly captioner: Captioner }
  | { readonly state: 'failed'; readonly message: string }

const START: Loading = { state: 'loading', done: 0, total: 0 }

/** Loads the captioner of a folder beside the page, as soon as the folder is known; the second value tries again. */
export function useCaptioner(folder: string | undefined): [Loading, () => void] {
  const [loading, setLoading] = useState<Loading>(START)
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    if (folder === undefined) return
    const abort = new AbortController()
    const onProgress = (done: number, total: number): void => setLoading({ state: 'loading', done, total })
    load(folder, abort.signal, onProgress).then(
      (captioner) => setLoading({ state: 'ready', captioner }),
      (error: Error) => abort.signal.aborted || setLoading({ state: 'failed', message: error.message }),
    )
    return () => abort.abort()
  }, [folder, attempt])
  const retry = useCallback(() => {
    setLoading(START)
    setAttempt((count) => count + 1)
  }, [])
  return [loading, retry]
}

async function load(
  folder: string,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<Captioner> {
  await offline()
  const backend = new URLSearchParams(location.search).get('backend') === 'webgpu' ? 'webgpu' : 'wasm'
  return Captioner.load(folder, { backend, worker: 'worker.js', onProgress, signal })
}
