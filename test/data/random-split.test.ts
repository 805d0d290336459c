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

test('a random split keeps the size of each split and depends only on the seed', () => {
  const shuffled = randomSplit(images, 3)
  for (const [split, count] of Object.entries({ train: 80, val: 10, test: 10 }))
    expect(idsOf(shuffled, split)).toHaveLength(count)
  expect(shuffled.map(({ id }) => id)).toEqual(images.map(({ id }) => id))
  expect(idsOf(shuffled, 'test')).not.toEqual(idsOf(images, 'test'))
  expect(randomSplit(images, 3)).toEqual(shuffled)
  expect(idsOf(randomSplit(images, 4), 'test')).not.toEqual(idsOf(shuffled, 'test'))
})
