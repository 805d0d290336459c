import { useId } from 'preact/hooks'
import { TEXTS } from './texts.ts'
import type { Loading } from './use-captioner.ts'

/** How far a captioner is loaded, or why it cannot be. */
export function LoadingBar({ loading, retry }: { loading: Loading; retry: () => void }) {
  const id = useId()
  if (loading.state === 'ready') return null
  if (loading.state === 'failed')
    return (
      <div class="loading" role="alert">
        <p class="fault">{loading.message}</p>
        <button type="button" onClick={retry}>
          {TEXTS.retry}
        </button>
      </div>
    )
  const { done, total } = loading
  const text = total > 0 && done === total ? TEXTS.starting : TEXTS.loading(done, total)
  return (
    <div class="loading">
      <label for={id}>{text}</label>
      <progress id={id} {...(total > 0 && done < total && { value: done, max: total })} />
    </div>
  )
}
