import { useState } from 'preact/hooks'
import type { CaptionerInfo, ExplainedCaption, ImageCaption } from '../hosts/web/index.ts'
import { alignmentOf, largestWeights } from '../pages/alignment.ts'
import { type RegionBox, regionBoxes } from '../pages/attention-map.ts'
import { attendsToConcepts } from '../pages/explanation-article.ts'
import { AlignmentView } from './alignment-view.tsx'
import { Bars } from './bars.tsx'
import { PictureView } from './picture-view.tsx'
import { percent, TEXTS } from './texts.ts'
import type { Shown } from './use-caption.ts'
import { Words } from './words.tsx'

/** A picture with its caption: words light their regions, and regions show their concepts. */
export function CaptionView({ shown, info }: { shown: Shown; info: CaptionerInfo | undefined }) {
  const [word, setWord] = useState<number>()
  const [region, setRegion] = useState<number>()
  const { caption, explained, url, took } = shown
  const boxes = explained ? regionBoxes(explained.boxes) : []
  const overConcepts = info !== undefined && attendsToConcepts(info.model)
  const attention = word === undefined ? undefined : explained?.explanation.words?.[word]
  const aligned = explained?.explanation.alignment !== undefined
  return (
    <article class="result">
      <div class="seen">
        <PictureView
          url={url}
          boxes={boxes}
          weights={overConcepts ? undefined : attention}
          region={region}
          onRegion={aligned ? setRegion : undefined}
        />
        {aligned && <p class="hint">{TEXTS.regionHint}</p>}
      </div>
      {caption && (
        <div class="said">
          <Words caption={caption} label={TEXTS.caption} word={word} onWord={setWord} />
          <p class="hint">{TEXTS.words}</p>
          <p class="confidence">
            <b>{TEXTS.confidence(caption.confidence)}</b> {TEXTS.confidenceNote(info?.calibrated === true)}{' '}
            {took !== undefined && <span class="took">{TEXTS.time(took)}</span>}
          </p>
          {explained && !explained.explanation.words && <p class="hint">{TEXTS.noAttention}</p>}
          <p class="hint places" aria-live="polite">
            {attention && explained && !overConcepts && word !== undefined
              ? TEXTS.wordRegions(caption.words[word]!.word, placesOf(attention, boxes))
              : ''}
          </p>
          {overConcepts && attention && explained && word !== undefined && (
            <section>
              <h3>{TEXTS.wordConcepts(caption.words[word]!.word)}</h3>
              <Bars weights={largestWeights(attention, conceptNames(explained))} />
            </section>
          )}
          {explained && aligned && <RegionConcepts explained={explained} region={region} boxes={boxes} />}
          <Others caption={caption} />
        </div>
      )}
      {explained && aligned && <AlignmentView explained={explained} url={url} boxes={boxes} />}
    </article>
  )
}

const conceptNames = ({ allConcepts }: ExplainedCaption): string[] => allConcepts.map(({ word }) => word)

/** Words name the three places with most of their attention. */
const SHOWN_PLACES = 3

/** Where the largest weights are, in words: "top left (34%)". */
function placesOf(weights: Float32Array, boxes: readonly RegionBox[]): string {
  const shares = new Map<string, number>()
  for (const [i, { x, y, width, height }] of boxes.entries()) {
    const third = (at: number): number => Math.min(2, Math.floor(at * 3))
    const place = TEXTS.places[third(y + height / 2)]![third(x + width / 2)]!
    shares.set(place, (shares.get(place) ?? 0) + weights[i]!)
  }
  const largest = [...shares].sort(([, a], [, b]) => b - a).slice(0, SHOWN_PLACES)
  return largest.map(([place, share]) => `${place} (${percent(share)})`).join(', ')
}

/** The concepts that a region attends to, before MIA and after it; without one, those found in the picture. */
function RegionConcepts({
  explained,
  region,
  boxes,
}: {
  explained: ExplainedCaption
  region: number | undefined
  boxes: readonly RegionBox[]
}) {
  if (region === undefined || !boxes[region])
    return (
      <section class="region" aria-live="polite">
        <h3>{TEXTS.concepts}</h3>
        <ul class="chips">
          {explained.concepts.map(({ word, score }) => (
            <li key={word}>
              {word} <small>{percent(score)}</small>
            </li>
          ))}
        </ul>
      </section>
    )
  const { before, after } = alignmentOf(region, explained)
  return (
    <section class="region" aria-live="polite">
      <h3>
        {TEXTS.regionConcepts} <small>{TEXTS.regionNumber(region + 1)}</small>
      </h3>
      <div class="sides">
        <div>
          <h4>{TEXTS.before}</h4>
          <Bars weights={before} />
        </div>
        <div>
          <h4>{TEXTS.after}</h4>
          <Bars weights={after} />
        </div>
      </div>
    </section>
  )
}

/** The captions that the search found, with their probabilities. */
function Others({ caption }: { caption: ImageCaption }) {
  const all = [caption, ...caption.alternatives]
  if (all.length < 2) return null
  return (
    <section>
      <h3>{TEXTS.others}</h3>
      <table class="beams">
        <thead>
          <tr>
            <th scope="col">{TEXTS.caption}</th>
            <th scope="col">{TEXTS.probability}</th>
          </tr>
        </thead>
        <tbody>
          {all.map(({ caption: text, probability }) => (
            <tr key={text}>
              <td>{text || TEXTS.empty}</td>
              <td>{percent(probability)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
