import { useState } from 'preact/hooks'
import type { CaptionerInfo, ExplainedCaption } from '../hosts/web/index.ts'
import { regionBoxes } from '../pages/attention-map.ts'
import { attendsToConcepts } from '../pages/explanation-article.ts'
import { LoadingBar } from './loading-bar.tsx'
import { Shade } from './picture-view.tsx'
import { TEXTS } from './texts.ts'
import type { Shown } from './use-caption.ts'
import type { Comparison } from './use-comparison.ts'
import { Words } from './words.tsx'

/** The captions of two models side by side: the page's, with MIA, and the same one trained without. */
export function ComparisonView({
  shown,
  model,
  comparison,
}: {
  shown: Shown
  model: CaptionerInfo['model']
  comparison: Comparison
}) {
  const { loading, bytes, start, explained, fault } = comparison
  return (
    <section class="comparison">
      <h2>{TEXTS.comparison}</h2>
      <p class="hint">{TEXTS.comparisonLead}</p>
      {loading === undefined ? (
        <button type="button" onClick={start}>
          {TEXTS.compare(bytes)}
        </button>
      ) : (
        <LoadingBar loading={loading} retry={start} />
      )}
      {fault !== undefined && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {loading?.state === 'ready' && (
        <div class="sides" aria-live="polite">
          <Side label={TEXTS.withMia} url={shown.url} explained={shown.explained} model={model} />
          <Side label={TEXTS.withoutMia} url={shown.url} explained={explained} model={loading.captioner.info.model} />
        </div>
      )}
    </section>
  )
}

/** One model's caption; its words light the regions that they come from. */
function Side({
  label,
  url,
  explained,
  model,
}: {
  label: string
  url: string
  explained: ExplainedCaption | undefined
  model: CaptionerInfo['model']
}) {
  const [word, setWord] = useState<number>()
  const attention = word === undefined || attendsToConcepts(model) ? undefined : explained?.explanation.words?.[word]
  return (
    <figure>
      <div class="picture">
        <img src={url} alt={TEXTS.pictureOf(label)} />
        {attention && <Shade weights={attention} boxes={regionBoxes(explained!.boxes)} />}
      </div>
      <figcaption>
        <h3>{label}</h3>
        {explained ? (
          <>
            <Words caption={explained} label={`${label}: ${TEXTS.caption}`} word={word} onWord={setWord} />
            <p class="confidence">{TEXTS.captionProbability(explained.probability)}</p>
          </>
        ) : (
          <p class="hint">{TEXTS.captioning}</p>
        )}
      </figcaption>
    </figure>
  )
}
