import type { HostValues } from '../../engine/session.ts'
import { ints } from '../../formats/host-value.ts'
import { END, START } from '../../text/vocabulary.ts'
import { chooseBuckets } from '../buckets.ts'
import type { CaptionHeadConfig } from './caption-head.ts'
import type { TuningPicture, View } from './views.ts'

/** More buckets pad less, but a training step is compiled for each. */
const LENGTH_BUCKETS = 4

/** The time steps that training is compiled for, ascending; the last are those of the longest caption and its end. */
export const captionLengths = (pictures: readonly TuningPicture[]): number[] =>
  chooseBuckets(
    pictures.flatMap(({ captioned }) => (captioned ? [longest(captioned.captions) + 1] : [])),
    LENGTH_BUCKETS,
  )

const longest = (captions: readonly (readonly number[])[]): number => Math.max(...captions.map(({ length }) => length))

/** The captions of a view, C of them: those that were drawn, or else the first ones, from the beginning again. */
export const captionsOf = (
  { picture, captions }: View,
  { captionsPerImage }: Pick<CaptionHeadConfig, 'captionsPerImage'>,
): readonly (readonly number[])[] => {
  const all = picture.captioned!.captions
  return (captions ?? Array.from({ length: captionsPerImage }, (_, i) => i % all.length)).map((i) => all[i]!)
}

/** The inputs of CaptionHead.loss() for some views, over T time steps. */
export function captionValues(views: readonly View[], config: CaptionHeadConfig, steps: number): HostValues {
  const { captionsPerImage: captions, model } = config
  const words = new Int32Array(views.length * captions * steps)
  const targets = new Int32Array(views.length * captions * steps)
  const concepts = new Int32Array(views.length * model.concepts)
  let total = 0
  for (const [b, view] of views.entries()) {
    concepts.set(view.picture.captioned!.concepts, b * model.concepts)
    for (const [c, ids] of captionsOf(view, config).entries()) {
      const [row, place] = [(b * captions + c) * steps, b * steps * captions + c]
      words.set([START, ...ids], row)
      for (const [t, id] of [...ids, END].entries()) targets[place + t * captions] = id
      total += ids.length + 1
    }
  }
  return {
    concepts: ints(concepts, [views.length, model.concepts]),
    words: ints(words, [views.length, captions * steps]),
    targets: ints(targets, [views.length, steps * captions]),
    wordsTotal: ints(total),
  }
}
