import { describe, expect, test } from 'vitest'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { BASIC_MODEL_NAMES } from '../../src/models/basic-models.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { adamRates, type Clipping, PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { gradientStep, trainingStep } from '../../src/train/step.ts'
import { gradientName, momentNames, updateStep } from '../../src/train/update.ts'
import { normals } from '../support/random.ts'
import { CAPTIONS, imagesOf, outputsOf, STEPS, shardOf, tinyModel, weightsOf } from './word-batch.ts'

const options = { captions: CAPTIONS, steps: STEPS, objective: crossEntropy(0.1) }
const random = { seed: ints(7), step: ints(3) }

/** A weight's moments as after some steps: of any sign and positive. */
function momentsOf(weights: Record<string, HostValue>): Record<string, HostValue> {
  const numbers = normals(4)
  return Object.fromEntries(
    Object.entries(weights).flatMap(([name, { shape, data }]) => {
      const { first, second } = momentNames(name)
      const drawn = Float32Array.from(numbers(data.length), (x) => x / 100)
      return [
        [first, floats(shape, drawn)],
        [
          second,
          floats(
            shape,
            drawn.map((x) => x * x),
          ),
        ],
      ] as const
    }),
  )
}

/** Smaller gradients may be rounding alone, such as those of the keys' bias, which softmax cancels. */
const SMALL = 0.01

/** The largest difference between outputs, relative to the largest number of each, but at least to SMALL. */
function difference(a: Record<string, Float32Array>, b: Record<string, Float32Array>): number {
  expect(Object.keys(a)).toEqual(Object.keys(b))
  const largest = (values: Float32Array) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  return Object.entries(a).reduce((most, [name, values]) => {
    const scale = Math.max(largest(values), SMALL)
    return Math.max(most, largest(values.map((x, i) => x - b[name]![i]!)) / scale)
  }, 0)
}

describe.each(BASIC_MODEL_NAMES.flatMap((name) => [false, true].map((mia) => [name, mia] as const)))(
  'the two halves of a training step, with dropout (%s, MIA %s)',
  (name, mia) => {
    const model = tinyModel(name, mia)
    const parameters = [...model.parameters.values()]
    const weights = weightsOf(model)

    test('update weights and moments to the same numbers as the whole step', async () => {
      const clipping: Clipping = { kind: 'norm', limit: 0.05 }
      const { stepSize, epsilon } = adamRates(3, 0.01, PUBLISHED_ADAM)
      const rates = { stepSize: floats([], Float32Array.of(stepSize)), epsilon: floats([], Float32Array.of(epsilon)) }
      const state = { ...weights, ...momentsOf(weights), ...rates }
      const whole = await nodeRuntime.load(trainingStep(model, { ...options, adam: PUBLISHED_ADAM, clipping }))
      const expected = await outputsOf(whole, { ...state, ...imagesOf(), ...random })
      whole.release()
      const first = await nodeRuntime.load(gradientStep(model, options))
      const { loss, ...gradients } = await outputsOf(first, { ...weights, ...shardOf(), ...random })
      first.release()
      const given = parameters.map(({ name, shape }) => [
        gradientName(name),
        floats(shape, gradients[gradientName(name)]),
      ])
      const second = await nodeRuntime.load(updateStep(parameters, { adam: PUBLISHED_ADAM, clipping }))
      const updated = await outputsOf(second, { ...state, ...Object.fromEntries(given) })
      second.release()
      expect({ loss, ...updated }).toEqual(expected) // bit by bit
    })

    test.each([
      [2, [0, 2, 5]],
      [3, [0, 1, 4, 5]],
    ])('sum over %i shards to the gradients of the whole batch', async (_, bounds) => {
      const session = await nodeRuntime.load(gradientStep(model, options))
      const whole = await outputsOf(session, { ...weights, ...shardOf(), ...random })
      const sums: Record<string, Float32Array> = {}
      for (const [i, first] of bounds.slice(0, -1).entries()) {
        const part = await outputsOf(session, { ...weights, ...shardOf(first, bounds[i + 1]!), ...random })
        for (const [name, values] of Object.entries(part)) sums[name] = values.map((x, j) => x + (sums[name]?.[j] ?? 0))
      }
      session.release()
      expect(difference(whole, sums)).toBeLessThan(1e-6)
    })
  },
)

test('a shard that is not placed in its batch draws other dropout masks, and its gradients are others', async () => {
  const model = tinyModel('VisualAttention', true)
  const session = await nodeRuntime.load(gradientStep(model, options))
  const feeds = { ...weightsOf(model), ...shardOf(2, 5), ...random }
  const placed = await outputsOf(session, feeds)
  const unplaced = await outputsOf(session, { ...feeds, imagesBefore: ints(0) })
  session.release()
  expect(difference(placed, unplaced)).toBeGreaterThan(0.1)
})
