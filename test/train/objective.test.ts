import { expect, test } from 'vitest'
import { CompiledGraph } from '../../src/engine/compiled.ts'
import { floatData } from '../../src/engine/session.ts'
import { floats } from '../../src/formats/host-value.ts'
import { gather, input, linearCrossEntropy, mul } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import type { Objective } from '../../src/train/objectives/objective.ts'
import { PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { type BatchShape, captionLoss, trainingStep } from '../../src/train/step.ts'
import { gradientOutputs, gradientsOf } from '../../src/train/update.ts'
import { CAPTIONS, captionOf, imagesOf, STEPS, tinyModel, weightsOf } from './word-batch.ts'

/** Cross-entropy with a weight of each caption, as in self-critical training: the graph input `advantages` `[N]`. */
const weighted: Objective = {
  losses: ({ hidden, targets, captions }, { weight, bias }) =>
    mul(linearCrossEntropy(hidden, weight, bias, targets, 0), gather(input('advantages', ['N']), captions)),
}
const ADVANTAGES = Float32Array.of(0.5, -1, 0, 2, 1, -0.25, 3, 0.125, -2, 1.5)
const model = tinyModel('VisualAttention', true)
const parameters = [...model.parameters.values()]

/** The loss and its gradients, without dropout. */
function load(shape: BatchShape, objective: Objective): Promise<CompiledGraph> {
  const loss = captionLoss(model, { ...shape, objective })
  return CompiledGraph.load(nodeRuntime, gradientOutputs(parameters, loss, gradientsOf(parameters, loss)))
}

test('an objective may weight each caption by an input: its gradients are the weighted sum of those of each caption alone', async () => {
  const all = await load({ captions: CAPTIONS, steps: STEPS }, weighted)
  const one = await load({ captions: 1, steps: STEPS }, crossEntropy(0))
  const weights = weightsOf(model)
  const batch = imagesOf()
  const total = await all.run({ ...weights, ...batch, advantages: floats([ADVANTAGES.length], ADVANTAGES) })
  const sums = Object.fromEntries(
    Object.entries(total).map(([name, { data }]) => [name, new Float64Array(data.length)]),
  )
  for (const [n, advantage] of ADVANTAGES.entries()) {
    const caption = captionOf(n)
    const share = caption.targets!.data.length / batch.targets!.data.length // a loss is a mean over words
    const outputs = await one.run({ ...weights, ...caption })
    for (const [name, value] of Object.entries(outputs))
      for (const [i, number] of floatData(value).entries()) sums[name]![i]! += advantage * share * number
  }
  for (const [name, value] of Object.entries(total))
    for (const [i, number] of floatData(value).entries()) expect(number, name).toBeCloseTo(sums[name]![i]!, 6)
  all.release()
  one.release()
})

test('a training step takes the inputs of its objective', async () => {
  const options = { captions: CAPTIONS, steps: STEPS, adam: PUBLISHED_ADAM, clipping: { kind: 'none' } as const }
  const session = await nodeRuntime.load(trainingStep(model, { ...options, objective: weighted }))
  expect(session.inputNames).toContain('advantages')
  session.release()
})
