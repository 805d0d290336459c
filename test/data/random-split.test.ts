import { expect, test } from 'vitest'
import { randomSplit } from '../../src/data/random-split.ts'
import type { CaptionedImage } from '../../src/data/source.ts'

const images = Array.from(
  { length: 100 },
  (_, i): CaptionedImage => ({
    id: String(i),
    file: `${i}.jpg`,
    split: i < 80 ? 'train' : i < 90 ? 'val' : 'test',
    captions: ['a dog'],
  }),
)
const idsOf = (all: readonly CaptionedImage[], wanted: string) =>
  all.filter(({ split }) => split === wanted).map(({ id }) => id)

test('a random split has as many images in each part, others by the seed, and the same by the same seed', () => {
  const dealt = randomSplit(images, 3)
  for (const [split, count] of Object.entries({ train: 80, val: 10, test: 10 }))
    expect(idsOf(dealt, split)).toHaveLength(count)
  expect(dealt.map(({ id }) => id)).toEqual(images.map(({ id }) => id))
  expect(idsOf(dealt, 'test')).not.toEqual(idsOf(images, 'test'))
  expect(randomSplit(images, 3)).toEqual(dealt)
  expect(idsOf(randomSplit(images, 4), 'test')).not.toEqual(idsOf(dealt, 'test'))
})
