import { expect, test } from 'vitest'
import { floatData, type HostValues } from '../../src/engine/session.ts'
import { floats, ints } from '../../src/formats/host-value.ts'
import { cast, div, input, matmul, mul, sub, sum } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { normal } from '../../src/nn/init.ts'
import { Scope } from '../../src/nn/scope.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { AccumulatingStep } from '../../src/train/accumulating-step.ts'
import { TrainingState } from '../../src/train/state.ts'
import { updates } from '../../src/train/update.ts'
import { normals } from '../support/random.ts'

const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
const OPTIONS = {
  adam: ADAM,
  clipping: { kind: 'norm', limit: 0.5 },
  rateOf: (name: string) => (name === 'slow' ? 0.1 : 1),
} as const

/** Linear regression with two weights; the loss is a mean over `imagesTotal`, and a table scales what is predicted. */
function regression() {
  const scope = new Scope()
  const [slow, fast] = ['slow', 'fast'].map((name) => scope.parameter(name, [3, 2], normal(1)))
  const predicted = mul(matmul(matmul(input('x', ['B', 3]), slow!), fast!, { transB: true }), input('table', [3]))
  const difference = sub(predicted, input('y', ['B', 3]))
  const loss = div(sum(mul(difference, difference)), cast(input('imagesTotal', [], 'int32'), 'float32'))
  return { parameters: [...scope.parameters.values()], loss }
}

async function steps(imagesAtOnce: number | undefined) {
  const { parameters, loss } = regression()
  const session =
    imagesAtOnce === undefined
      ? await nodeRuntime.load(toOnnx(updates(parameters, loss, OPTIONS)))
      : await AccumulatingStep.load(nodeRuntime, parameters, loss, {
          ...OPTIONS,
          perImage: new Set(['x', 'y']),
          imagesAtOnce,
        })
  const random = normals(3)
  const matrix = () => floats([7, 3], Float32Array.from(random(21)))
  const batch: HostValues = {
    x: matrix(),
    y: matrix(),
    table: floats([3], Float32Array.of(1, 2, 3)),
    imagesTotal: ints(7),
  }
  const state = TrainingState.start(parameters, 1)
  const results = []
  for (let step = 1; step <= 3; step++)
    results.push(await state.step(session, batch, { step, seed: 1, learningRate: 0.1, adam: ADAM }))
  session.release()
  return { results, weights: [...state.weights.values()].flatMap(({ data }) => [...data]) }
}

test.each([1, 3, 7, 100])(
  'a batch in parts of %i images gives the numbers of the whole batch',
  async (imagesAtOnce) => {
    const [whole, parts] = [await steps(undefined), await steps(imagesAtOnce)]
    for (const [i, { loss, gradientNorm }] of whole.results.entries()) {
      expect(parts.results[i]!.loss).toBeCloseTo(loss, 4)
      expect(parts.results[i]!.gradientNorm).toBeCloseTo(gradientNorm, 4)
    }
    for (const [i, weight] of whole.weights.entries()) expect(parts.weights[i]).toBeCloseTo(weight, 5)
  },
)

test('a parameter with a tenth of the learning rate moves a tenth as far in the first step of Adam', async () => {
  const { parameters, loss } = regression()
  const session = await nodeRuntime.load(toOnnx(updates(parameters, loss, OPTIONS)))
  const state = TrainingState.start(parameters, 1)
  const before = [...state.weights.values()].map(({ data }) => data.slice())
  const random = normals(3)
  const matrix = () => floats([7, 3], Float32Array.from(random(21)))
  const batch = { x: matrix(), y: matrix(), table: floats([3], Float32Array.of(1, 2, 3)), imagesTotal: ints(7) }
  await state.step(session, batch, { step: 1, seed: 1, learningRate: 0.1, adam: ADAM })
  session.release()
  const moved = [...state.weights.values()].map(({ data }, i) =>
    Math.abs(floatData(floats([6], data))[0]! - before[i]![0]!),
  )
  expect(moved[0]).toBeCloseTo(0.01, 4)
  expect(moved[1]).toBeCloseTo(0.1, 4)
})
