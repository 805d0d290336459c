import { expect, test } from 'vitest'
import { Team } from '../../src/distributed/team.ts'
import type { Runtime, Session } from '../../src/engine/session.ts'
import { floats, type HostValue } from '../../src/formats/host-value.ts'
import { input, matmul, mul, sum } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { uniform } from '../../src/nn/init.ts'
import type { Parameter } from '../../src/nn/scope.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import type { GradientType } from '../../src/train/hyperparameters.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { SharedSteps } from '../../src/train/shared-step.ts'
import { TrainingState } from '../../src/train/state.ts'
import { gradientStep, trainingStep } from '../../src/train/step.ts'
import { gradientOutputs, gradientsOf } from '../../src/train/update.ts'
import { webgpuHere } from '../support/gpu.ts'
import { normals } from '../support/random.ts'
import { ranksInProcess } from '../support/ranks.ts'
import { CAPTIONS, imagesOf, STEPS, shardOf, tinyModel } from './word-batch.ts'

const gpu = webgpuHere()
const model = tinyModel('VisualAttention', false)
const parameters = [...model.parameters.values()]
const clipping = { kind: 'value', limit: 0.1 } as const
const options = { captions: CAPTIONS, steps: STEPS, objective: crossEntropy(0.1) }

/** Trains for some steps: the losses, and the weights and moments in the end. */
async function train(
  session: Session,
  batch: Readonly<Record<string, HostValue>>,
  of = parameters,
  steps = 2,
  learningRate = 5e-4,
) {
  const state = TrainingState.start(of, 1)
  const losses: number[] = []
  for (let step = 1; step <= steps; step++) {
    const { loss } = await state.step(session, batch, { step, seed: 1, learningRate, adam: PUBLISHED_ADAM })
    losses.push(loss)
  }
  await state.toHost()
  const { weights, firstMoments, secondMoments } = state.tensors()
  state.release()
  session.release()
  return { losses, tensors: [weights, firstMoments, secondMoments] }
}

async function alone() {
  const step = trainingStep(model, { ...options, adam: PUBLISHED_ADAM, clipping })
  return train(await nodeRuntime.load(step), imagesOf())
}

/** The same on two ranks with 2 and 3 of the images. */
const together = (type?: GradientType, steps?: number, learningRate?: number) =>
  Promise.all(
    ranksInProcess(2).map(async (ranks) => {
      const shared = await SharedSteps.open(
        nodeRuntime,
        parameters,
        { adam: PUBLISHED_ADAM, clipping },
        new Team(ranks),
        type,
      )
      const session = await shared.load(gradientStep(model, options, type))
      const trained = await train(
        session,
        ranks.rank === 0 ? shardOf(0, 2) : shardOf(2, 5),
        parameters,
        steps,
        learningRate,
      )
      shared.release()
      return { ...trained, onDevice: session.onDevice }
    }),
  )

/** The largest difference of weights and moments. */
const difference = (a: Awaited<ReturnType<typeof alone>>, b: Awaited<ReturnType<typeof alone>>): number =>
  Math.max(
    ...a.tensors.flatMap((group, i) =>
      [...group].flatMap(([name, { data }]) => {
        const other = b.tensors[i]!.get(name)!.data
        return Array.from(data, (value, k) => Math.abs(value - other[k]!))
      }),
    ),
  )

test('two ranks train as one process does', async () => {
  const expected = await alone()
  for (const found of await together()) {
    expect(found.onDevice).toBeUndefined()
    for (const [i, loss] of expected.losses.entries()) expect(found.losses[i]).toBeCloseTo(loss, 6)
    expect(difference(expected, found)).toBeLessThan(1e-6)
  }
})

test('with gradients sent as float16 the loss falls as with float32, and ranks have the same bytes', async () => {
  const [exact, rounded] = [await together('float32', 12, 0.02), await together('float16', 12, 0.02)]
  const [first, second] = rounded
  expect(second).toEqual(first)
  const { losses } = first!
  expect(losses[11]).toBeLessThan(losses[0]! - 0.2)
  for (const [i, loss] of exact[0]!.losses.entries()) expect(losses[i]).toBeCloseTo(loss, 2)
  expect(losses).not.toEqual(exact[0]!.losses)
})

test.skipIf(typeof gpu === 'string')('weights and moments stay on WebGPU, and only gradients leave it', async () => {
  const weight = {
    name: 'weight',
    shape: [3, 2],
    tensor: input('weight', [3, 2]),
    init: uniform(1),
  } satisfies Parameter
  const outputs = matmul(input('features', ['N', 3]), weight.tensor)
  const loss = sum(mul(outputs, outputs))
  const gradients = toOnnx(gradientOutputs([weight], loss, gradientsOf([weight], loss)))
  const batch = { features: floats([4, 3], Float32Array.from(normals(2)(12))) }
  const trainOn = async (runtime: Runtime) => {
    const [ranks] = ranksInProcess(1)
    const shared = await SharedSteps.open(runtime, [weight], { adam: PUBLISHED_ADAM, clipping }, new Team(ranks))
    const session = await shared.load(gradients)
    const trained = await train(session, batch, [weight])
    shared.release()
    return { ...trained, onDevice: session.onDevice }
  }
  const [expected, found] = [await trainOn(nodeRuntime), await trainOn(gpu as Runtime)]
  expect(found.onDevice).toBe(true)
  expect(expected.losses[1]).toBeLessThan(expected.losses[0]!)
  for (const [i, each] of expected.losses.entries()) expect(found.losses[i]).toBeCloseTo(each, 4)
  expect(difference(expected, found)).toBeLessThan(1e-6)
})
