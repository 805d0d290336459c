import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import { gradients } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { adamRates, type Clipping } from '../../src/train/optimizer.ts'
import { captionLoss, predict, trainingStep } from '../../src/train/step.ts'
import { momentNames } from '../../src/train/update.ts'
import { publishedName } from './published-names.ts'
import { openReference, referenceFiles } from './reference.ts'

/**
 * Expects every number within 1e-4, relative to those beyond 1, and within 1e-3 of the largest one: gradients may be
 * small throughout.
 */
function expectClose(actual: Float32Array, golden: Float32Array, what: string): void {
  expect(actual.length, what).toBe(golden.length)
  let worst = 0
  for (const [i, value] of golden.entries())
    worst = Math.max(worst, Math.abs(actual[i]! - value) / Math.max(1, Math.abs(value)))
  expect(worst, what).toBeLessThan(1e-4)
  const largest = golden.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  if (largest < 1e-8) return // the exact value is 0
  const furthest = golden.reduce((most, value, i) => Math.max(most, Math.abs(actual[i]! - value)), 0)
  expect(furthest / largest, what).toBeLessThan(1e-3)
}

for (const file of referenceFiles)
  describe(basename(file, '.safetensors'), () => {
    const golden = openReference(file)
    const { model, weights, batch, shape } = golden
    const parameters = [...model.parameters.values()]

    test('represents images, scores words and gives losses and gradients as published', async () => {
      const { hidden, encoded } = predict(model, shape)
      const loss = captionLoss(model, shape)
      const outputs = {
        loss,
        scores: model.output.logits(hidden),
        ...(encoded.sgir
          ? { sgir: encoded.sgir, refined_visual: encoded.visual!, refined_textual: encoded.textual! }
          : { visual: encoded.visual! }),
        ...Object.fromEntries(
          gradients(
            loss,
            parameters.map((p) => p.tensor),
          ).map((g, i) => [`grad.${parameters[i]!.name}`, g]),
        ),
      }
      const session = await nodeRuntime.load(toOnnx(outputs))
      const results = await session.run({ ...weights, ...batch })
      session.release()
      expectClose(floatData(results.loss), golden.numbers('out.loss'), 'loss')
      expectClose(floatData(results.scores), golden.numbers('out.packed_scores'), 'scores')
      expect([...(batch.targets!.data as Int32Array)]).toEqual([...golden.whole('out.packed_targets')])
      for (const name of ['sgir', 'refined_visual', 'refined_textual', 'visual'])
        if (results[name]) expectClose(floatData(results[name]), golden.numbers(`out.${name}`), name)
      for (const { name } of parameters) {
        const published = name === 'words.weight' ? 'encoder_concept.weight' : publishedName(name)
        const ours = floatData(results[`grad.${name}`])
        // a weight that the model does not use has no gradient there, and one of zeros here
        const theirs = golden.has(`grad.${published}`)
          ? golden.numbers(`grad.${published}`)
          : new Float32Array(ours.length)
        expectClose(ours, theirs, `gradient of ${name}`)
      }
    })

    const clippings: [string, Clipping][] = [
      ['plain', { kind: 'none' }],
      ['weight_clamp', { kind: 'weight-clamp', limit: 0.1 }],
    ]
    for (const [name, clipping] of clippings)
      test(`five steps of Adam (${name}) give the published losses and weights`, async () => {
        const { lr, betas, eps } = JSON.parse(golden.metadata.adam!) as {
          lr: number
          betas: [number, number]
          eps: number
        }
        const options = { beta1: betas[0], beta2: betas[1], epsilon: eps }
        const session = await nodeRuntime.load(trainingStep(model, { ...shape, adam: options, clipping }))
        const state: Record<string, HostValue> = {}
        for (const p of parameters) {
          state[p.name] = floats(p.shape, floatData(weights[p.name]).slice())
          for (const moment of Object.values(momentNames(p.name))) state[moment] = floats(p.shape)
        }
        const into = Object.fromEntries(Object.entries(state).map(([key, value]) => [`next.${key}`, value])) // in place
        const losses: number[] = []
        for (let step = 1; step <= 5; step++) {
          const { stepSize, epsilon } = adamRates(step, lr, options)
          const scalars = {
            stepSize: floats([], Float32Array.of(stepSize)),
            epsilon: floats([], Float32Array.of(epsilon)),
            seed: ints(1),
            step: ints(step),
          }
          const results = await session.run({ ...state, ...batch, ...scalars }, { into })
          losses.push(floatData(results.loss)[0]!)
        }
        session.release()
        expectClose(Float32Array.from(losses), golden.numbers(`train.${name}.losses`), 'losses')
        for (const p of parameters) {
          const final = `train.${name}.final.${publishedName(p.name)}`
          if (golden.has(final)) expectClose(floatData(state[p.name]), golden.numbers(final), final)
        }
      })
  })
