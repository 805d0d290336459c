import { expect, test } from 'vitest'
import type { ImageEntry } from '../../src/data/dataset.ts'
import { scoreCaptions } from '../../src/evaluation/score.ts'
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
