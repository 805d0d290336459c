import { useState } from 'preact/hooks'
import type { ExplainedCaption } from '../hosts/web/index.ts'
import type { RegionBox } from '../pages/attention-map.ts'
import { Shade } from './picture-view.tsx'
import { TEXTS } from './texts.ts'

/** The picture twice: which regions attend to a concept before MIA, and which after it. */
export function AlignmentView({
  explained,
  url,
  boxes,
}: {
  explained: ExplainedCaption
  url: string
  boxes: readonly RegionBox[]
}) {
  const [concept, setConcept] = useState(0)
  const { before, after } = explained.explanation.alignment!
  const name = explained.concepts[concept]?.word
  if (name === undefined) return null
  return (
    <section class="alignment">
      <h2>{TEXTS.alignment}</h2>
      <p class="hint">{TEXTS.alignmentLead}</p>
      <ul class="chips">
        {explained.concepts.map(({ word }, i) => (
          <li key={word}>
            <button type="button" aria-pressed={i === concept} onClick={() => setConcept(i)}>
              {word}
            </button>
          </li>
        ))}
      </ul>
      <div class="sides">
        {[
          { when: TEXTS.before, attention: before },
          { when: TEXTS.after, attention: after },
        ].map(({ when, attention }) => (
          <figure key={when}>
            <div class="picture">
              <img src={url} alt={TEXTS.conceptMap(name, when)} />
              <Shade weights={columnOf(attention, concept)} boxes={boxes} />
            </div>
            <figcaption>{when}</figcaption>
          </figure>
        ))}
      </div>
    </section>
  )
}

/** The weight of a concept in each region's attention, from `[N, N]`: regions are rows, concepts columns. */
function columnOf(attention: Float32Array, concept: number): Float32Array {
  const size = Math.sqrt(attention.length)
  return Float32Array.from({ length: size }, (_, row) => attention[row * size + concept]!)
}
