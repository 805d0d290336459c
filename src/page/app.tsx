import { useState } from 'preact/hooks'
import type { Captioner } from '../hosts/web/index.ts'
import { CaptionView } from './caption-view.tsx'
import { ComparisonView } from './comparison-view.tsx'
import { LoadingBar } from './loading-bar.tsx'
import { PictureInput } from './picture-input.tsx'
import { TEXTS } from './texts.ts'
import { useCaption } from './use-caption.ts'
import { useCaptioner } from './use-captioner.ts'
import { useComparison } from './use-comparison.ts'

/** The page. */
export function App() {
  const [loading, retry] = useCaptioner('model/')
  const captioner = loading.state === 'ready' ? loading.captioner : undefined
  const [shown, give] = useCaption(captioner)
  const comparison = useComparison(captioner, shown)
  const [fault, setFault] = useState<string>()
  const said = fault ?? shown?.fault
  return (
    <>
      <header>
        <h1>{TEXTS.title}</h1>
        <p>{TEXTS.lead}</p>
        <p class="privacy">{TEXTS.privacy}</p>
      </header>
      <main>
        <PictureInput
          onPicture={(picture) => {
            setFault(undefined)
            give(picture)
          }}
          onFault={setFault}
        />
        <LoadingBar loading={loading} retry={retry} />
        <div role="alert">{said !== undefined && <p class="fault">{said}</p>}</div>
        <p class={shown?.caption ? 'status quiet' : 'status'} role="status">
          {shown && !shown.fault && !shown.caption && (captioner ? TEXTS.captioning : TEXTS.waiting)}
          {shown?.caption && `${TEXTS.caption}: ${shown.caption.caption || TEXTS.empty}`}
        </p>
        {shown && <CaptionView key={shown.url} shown={shown} info={captioner?.info} />}
        {comparison && captioner && shown?.explained && (
          <ComparisonView key={shown.url} shown={shown} model={captioner.info.model} comparison={comparison} />
        )}
      </main>
      <footer>{captioner && <About captioner={captioner} />}</footer>
    </>
  )
}

/** What the page computes with and what its captioner was trained on. */
function About({ captioner }: { captioner: Captioner }) {
  const { backend, threads, index } = captioner.info
  const { basicModel, mia, trainedOn } = index.model
  return (
    <p>
      {TEXTS.model(basicModel, mia, trainedOn)} {index.terms} {TEXTS.engine(backend, threads)}
    </p>
  )
}
