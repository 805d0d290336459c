import { describe, expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { BASIC_MODEL_NAMES } from '../../src/models/basic-models.ts'
import type { CaptionerConfig } from '../../src/models/config.ts'
import type { CaptionModel } from '../../src/models/contract.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { predict } from '../../src/train/step.ts'
import { normals } from '../support/random.ts'

const [SIZE, STEPS, WORDS, MOST] = [6, 3, 11, 5]

const configOf = (choice: Partial<CaptionerConfig>): CaptionerConfig => ({
  basicModel: 'VisualAttention',
  mia: true,
  miaAttention: 'mutual',
  miaForm: 'code',
  conceptConfidences: false,
  iterations: 2,
  regions: MOST,
  paddedRegions: false,
  concepts: MOST,
  featureSize: SIZE,
  vocabularySize: WORDS,
  hiddenSize: 8,
  numHeads: 2,
  innerSize: 16,
  attentionSize: 7,
  layers: 2,
  dropout: 0.5,
  miaDropout: 0.1,
  ...choice,
})

function weightsOf(model: CaptionModel): Record<string, HostValue> {
  const random = normals(3)
  return Object.fromEntries(
    [...model.parameters.values()].map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return [
        name,
        floats(
          shape,
          Float32Array.from(random(size), (x) => x / 2),
        ),
      ]
    }),
  )
}

/** The scores of every word of every image's caption `[images, STEPS, WORDS]`, one caption an image. */
async function scores(
  config: CaptionerConfig,
  features: readonly Float32Array[],
  concepts: readonly (readonly number[])[],
): Promise<number[][]> {
  const model = createCaptioner(config)
  const images = features.length
  const { hidden } = predict(model, { captions: 1, steps: STEPS, featureType: 'float32' })
  const session = await nodeRuntime.load(toOnnx({ scores: model.output.logits(hidden) }))
  const all = new Float32Array(images * config.regions * SIZE)
  for (const [i, each] of features.entries()) all.set(each, i * config.regions * SIZE)
  const results = await session.run({
    ...weightsOf(model),
    features: floats([images, config.regions, SIZE], all),
    concepts: ints(Int32Array.from(concepts.flat()), [images, config.concepts]),
    words: ints(
      Int32Array.from({ length: STEPS * images }, (_, i) => 1 + Math.floor(i / images)),
      [STEPS, images],
    ),
    targets: ints(new Int32Array(STEPS * images)),
    positions: ints(Int32Array.from({ length: STEPS * images }, (_, i) => i)),
  })
  session.release()
  const data = floatData(results.scores)
  const each = STEPS * WORDS
  return features.map((_, i) => [...data.subarray(i * each, (i + 1) * each)])
}

const counts = [2, MOST, 3, 1]
const seen = (() => {
  const random = normals(9)
  return counts.map((regions) => Float32Array.from(random(regions * SIZE)))
})()
const named = (count: number) => counts.map((_, i) => Array.from({ length: count }, (__, k) => 4 + ((i + k) % 7)))

const furthest = (a: readonly number[][], b: readonly number[][]): number =>
  Math.max(...a.flatMap((row, i) => row.map((x, j) => Math.abs(x - b[i]![j]!))))

describe('a padded batch gives the numbers of the images one by one', () => {
  for (const basicModel of BASIC_MODEL_NAMES)
    for (const concepts of [2, MOST, 7])
      for (const mia of [undefined, 'mutual', 'self'] as const)
        test(`${basicModel}, ${mia ? `MIA (${mia})` : 'no MIA'}, ${concepts} concepts`, async () => {
          const choice = { basicModel, concepts, mia: mia !== undefined, miaAttention: mia ?? 'mutual' } as const
          const batch = await scores(configOf({ ...choice, paddedRegions: true }), seen, named(concepts))
          const alone: number[][] = []
          for (const [i, regions] of counts.entries()) {
            const words = [named(concepts)[i]!]
            alone.push(...(await scores(configOf({ ...choice, regions }), [seen[i]!], words)))
          }
          expect(furthest(batch, alone)).toBeLessThan(1e-5)
          // the figures are of the images: another region gives others
          const other = [...seen.slice(0, -1), seen[0]!.subarray(0, SIZE)]
          const changed = await scores(configOf({ ...choice, paddedRegions: true }), other, named(concepts))
          if (mia || !basicModel.startsWith('Concept'))
            expect(furthest(changed.slice(-1), alone.slice(-1))).toBeGreaterThan(1e-4)
          expect(furthest(changed.slice(0, -1), alone.slice(0, -1))).toBeLessThan(1e-5)
        })
})

test('padding that is not needed changes nothing', async () => {
  const full = [seen[1]!]
  const words = [named(MOST)[1]!]
  const plain = await scores(configOf({}), full, words)
  const padded = await scores(configOf({ paddedRegions: true }), full, words)
  expect(furthest(plain, padded)).toBeLessThan(1e-6)
})

test("the figure's outer Add&Norm on the textual branch gives other weights and other numbers", async () => {
  const [code, figure] = [createCaptioner(configOf({})), createCaptioner(configOf({ miaForm: 'figure' }))]
  expect([...figure.parameters.keys()].filter((name) => !code.parameters.has(name))).toEqual([
    'encoder.mia.textual.norm.weight',
    'encoder.mia.textual.norm.bias',
  ])
  const words = [named(MOST)[1]!]
  const numbers = await scores(configOf({ miaForm: 'figure' }), [seen[1]!], words)
  expect(furthest(numbers, await scores(configOf({}), [seen[1]!], words))).toBeGreaterThan(1e-3)
})

test('the control has as many weights as MIA', () => {
  const sizes = (['mutual', 'self'] as const).map((miaAttention) =>
    [...createCaptioner(configOf({ miaAttention })).parameters.values()].map(({ name, shape }) => `${name} ${shape}`),
  )
  expect(sizes[1]).toEqual(sizes[0])
})
