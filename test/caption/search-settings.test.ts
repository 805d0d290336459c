import { expect, test } from 'vitest'
import { DEFAULT_SEARCH, photoSearchSettings, searchSettings } from '../../src/caption/search-settings.ts'

test('captions of photographs are chosen by their concepts from a beam of 10, others as published', () => {
  expect(photoSearchSettings({})).toEqual({
    ...DEFAULT_SEARCH,
    beam: 10,
    blockRepeatedWords: true,
    lengthPenalty: 'average',
    conceptWeight: 0.2,
  })
  expect(searchSettings({})).toEqual(DEFAULT_SEARCH)
  expect(searchSettings({ conceptWeight: 1 })).toMatchObject({ beam: 10, conceptWeight: 1 })
  expect(photoSearchSettings({ beam: 4 })).toMatchObject({ beam: 4, conceptWeight: 0.2 })
  expect(photoSearchSettings({ conceptWeight: 0 })).toMatchObject({ beam: 3, conceptWeight: 0 })
  expect(photoSearchSettings({ captions: 12 })).toMatchObject({ beam: 12, captions: 12 })
})

test.each([
  [{ sample: true, captions: 4 }, 'sample', 4],
  [{ groups: 2, captions: 2 }, 'groups', 4],
  [{ require: [['dog']] }, 'require', 3],
] as const)('a search with an order of its own, %j, has no weight of concepts', (choices, kind, beam) => {
  const settings = photoSearchSettings(choices)
  expect(settings).toMatchObject({ conceptWeight: 0, beam })
  expect(photoSearchSettings(settings)).toEqual(settings)
  expect(() => searchSettings({ ...choices, conceptWeight: 0.5 })).toThrow(
    `Cannot caption with conceptWeight 0.5: it must be left out with ${kind}`,
  )
})

test.each([-0.1, 1001, Number.NaN])('a weight of %d is refused', (conceptWeight) => {
  expect(() => searchSettings({ conceptWeight })).toThrow('it must be a number from 0 to 1,000')
})
