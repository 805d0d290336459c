import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Explainer } from '../../src/caption/explainer.ts'
import { floatData } from '../../src/engine/session.ts'
import { toFloat16 } from '../../src/formats/float16.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { openReference, referenceFiles } from '../golden/reference.ts'

for (const file of referenceFiles)
  describe(basename(file, '.safetensors'), () => {
    const { model, weights, batch, images } = openReference(file)
    const words = new Map(Object.entries(weights).map(([name, { shape, data }]) => [name, { shape, data }]))
    const features = toFloat16(floatData(batch.features))
    const concepts = batch.concepts!.data as Int32Array
    const explain = async (captions: number[][]) => {
      const explainer = await Explainer.load(nodeRuntime, model, words, 6)
      const found = await explainer.explain(features, concepts, captions)
      explainer.release()
      return found
    }

    test('the attention of a word depends on the words before it, and not on itself', async () => {
      const one = await explain(Array.from({ length: images }, () => [5, 6, 7, 8]))
      const other = await explain(Array.from({ length: images }, () => [5, 9, 7]))
      for (const [i, { words: maps, alignment }] of one.entries()) {
        expect(alignment !== undefined).toBe(model.config.mia)
        if (alignment) expect(alignment.after).toEqual(other[i]!.alignment!.after)
        if (!maps) continue
        expect(maps).toHaveLength(4)
        for (const map of maps) expect(map.reduce((a, b) => a + b)).toBeCloseTo(1, 5)
        expect(maps.slice(0, 2)).toEqual(other[i]!.words!.slice(0, 2))
        expect(maps[2]).not.toEqual(other[i]!.words![2])
      }
    })

    test.runIf(model.config.mia)(
      'the parts of a region among the concepts add up to 1, before MIA and after',
      async () => {
        for (const { alignment } of await explain(Array.from({ length: images }, () => [5]))) {
          const size = model.config.regions
          for (const part of [alignment!.before, alignment!.after])
            for (let row = 0; row < size; row++)
              expect(part.subarray(row * size, (row + 1) * size).reduce((a, b) => a + b)).toBeCloseTo(1, 5)
          expect(alignment!.before).not.toEqual(alignment!.after)
        }
      },
    )
  })
