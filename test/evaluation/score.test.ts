import { expect, test } from 'vitest'
import type { ImageEntry } from '../../src/data/dataset.ts'
import { scoreCaptions, scoreSeveral } from '../../src/evaluation/score.ts'
import { FAMILIES } from '../../src/metrics/index.ts'

test('scoreCaptions() leaves out scores that nothing determines, which JSON cannot hold', async () => {
  const metrics = await Promise.all(FAMILIES.filter(({ usual }) => usual.length > 0).map((family) => family.load({})))
  const captions = ['a red dog', 'a dog on grass']
  const images = ['1', '2'].map((id): ImageEntry => ({ id, file: id, split: 'val', captions, tokens: captions }))
  const { corpus, cider } = scoreCaptions(images, [{ caption: 'a red dog' }, { caption: '' }], metrics)
  expect(Object.values(corpus).filter((score) => !Number.isFinite(score))).toEqual([])
  expect(corpus).not.toHaveProperty('SPICE-ts_count')
  expect(corpus).toHaveProperty('SPICE-ts_color')
  expect(cider).toHaveLength(2)
})

test('scoreCaptions() scores the images of each dataset as if there were no others', async () => {
  const metrics = await Promise.all(FAMILIES.filter(({ usual }) => usual.length > 0).map((family) => family.load({})))
  const texts = ['a red dog', 'a dog on grass', 'a white cat', 'two cats']
  const images = texts.map(
    (text, i): ImageEntry => ({
      id: `${i}`,
      file: `${i}`,
      split: 'val',
      captions: [text],
      tokens: [text],
      dataset: i % 2 === 0 ? 'even' : 'odd',
    }),
  )
  const captions = ['a red dog', 'a dog', 'a cat', 'cats'].map((caption) => ({ caption }))
  const { corpus, byDataset } = scoreCaptions(images, captions, metrics)
  const half = (rest: number) => [...images.keys()].filter((i) => i % 2 === rest)
  for (const [rest, name] of [
    [0, 'even'],
    [1, 'odd'],
  ] as const) {
    const places = half(rest)
    const alone = scoreCaptions(
      places.map((i) => images[i]!),
      places.map((i) => captions[i]!),
      metrics,
    )
    expect(alone.byDataset).toEqual({})
    for (const [metric, score] of Object.entries(alone.corpus)) expect(byDataset[`${metric} ${name}`]).toBe(score)
  }
  expect(byDataset['CIDEr even']).not.toBe(corpus.CIDEr)
})

test('scoreSeveral() scores the best of several captions, and how they differ', () => {
  const texts = ['a red dog runs', 'a white cat sleeps', 'two birds fly away']
  const images = texts.map(
    (text, i): ImageEntry => ({ id: `${i}`, file: `${i}`, split: 'val', captions: [text], tokens: [text] }),
  )
  const of = (caption: string) => ({ caption, words: [], wordLogProbs: [], logProb: 0 })
  const wrong = texts.map((_, i) => ({ ...of('a man'), alternatives: [of(texts[i]!)] }))
  const same = texts.map((text) => ({ ...of(text), alternatives: [of(text)] }))
  const best = scoreSeveral(images, wrong)
  expect(best['CIDEr best of n']).toBeCloseTo(10, 5) // the reference itself is among them
  expect(best.selfCIDEr).toBeGreaterThan(scoreSeveral(images, same).selfCIDEr!)
  expect(scoreSeveral(images, same).vocabulary).toBe(new Set(texts.join(' ').split(' ')).size)
})
