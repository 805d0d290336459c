import { describe, expect, test } from 'vitest'
import { Representer } from '../../src/caption/representer.ts'
import { toFloat16 } from '../../src/formats/float16.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { LstmCaptioner } from '../../src/models/lstm/captioner.ts'
import { normals } from '../support/random.ts'

const [IMAGES, REGIONS, SIZE, HEADS, WIDTH] = [2, 5, 6, 2, 8]
/** Regions that each image has; the rest is padding. */
const THERE = [5, 3]

async function represent(concepts: number) {
  const model = new LstmCaptioner({
    basicModel: 'VisualRegionalAttention',
    mia: true,
    miaAttention: 'mutual',
    miaForm: 'code',
    conceptConfidences: false,
    iterations: 2,
    regions: REGIONS,
    paddedRegions: true,
    concepts,
    featureSize: SIZE,
    vocabularySize: 11,
    hiddenSize: WIDTH,
    numHeads: HEADS,
    innerSize: 16,
    attentionSize: 7,
    dropout: 0.5,
    miaDropout: 0.1,
  })
  const random = normals(3)
  const weights = new Map(
    [...model.parameters.values()].map(({ name, shape }) => [
      name,
      { shape, data: Float32Array.from(random(shape.reduce((a, b) => a * b, 1))) },
    ]),
  )
  const features = Float32Array.from(random(IMAGES * REGIONS * SIZE))
  for (const [i, there] of THERE.entries()) features.fill(0, (i * REGIONS + there) * SIZE, (i + 1) * REGIONS * SIZE)
  const ids = Int32Array.from({ length: IMAGES * concepts }, (_, i) => 4 + (i % 7))
  const representer = await Representer.load(nodeRuntime, model, weights, { attention: true })
  const made = await representer.represent(toFloat16(features), ids)
  representer.release()
  return made
}

/** The sums over the last axis. */
const sums = ({ shape, data }: { shape: readonly number[]; data: Float32Array }): number[] => {
  const size = shape.at(-1)!
  return Array.from({ length: data.length / size }, (_, i) =>
    data.subarray(i * size, (i + 1) * size).reduce((a, b) => a + b, 0),
  )
}

describe.each([2, 7])('Representer with 3 or 5 regions and %i concepts', (concepts) => {
  test('gives the attention between the regions and the concepts that there are, all of it at first', async () => {
    const made = await represent(concepts)
    expect(made.get('sgir')!.shape).toEqual([IMAGES, Math.max(REGIONS, concepts), WIDTH])
    for (const i of [1, 2]) {
      expect(made.get(`attention.visual.${i}`)!.shape).toEqual([IMAGES, HEADS, concepts, REGIONS])
      expect(made.get(`attention.textual.${i}`)!.shape).toEqual([IMAGES, HEADS, REGIONS, concepts])
    }
    for (const side of ['visual', 'textual'])
      for (const sum of sums(made.get(`attention.${side}.1`)!)) expect(sum).toBeCloseTo(1, 5)
    // from the second iteration on the rows that filled up the shorter stream answer too
    const later = sums(made.get(`attention.${concepts < REGIONS ? 'textual' : 'visual'}.2`)!)
    expect(Math.min(...later)).toBeLessThan(0.99)
  })

  test('says which rows are there where some are not', async () => {
    const mask = (await represent(concepts)).get('mask')
    if (concepts >= REGIONS) expect(mask).toBeUndefined()
    else expect(sums(mask!)).toEqual(THERE)
  })
})
