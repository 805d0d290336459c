import { expect, test } from 'vitest'
import { CompiledGraph } from '../../src/engine/compiled.ts'
import { floatData } from '../../src/engine/session.ts'
import { floats, ints } from '../../src/formats/host-value.ts'
import { gradients, input, mul, sum } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { CONFIDENCE_LEVELS, conceptInput, conceptInputs, embedConcepts } from '../../src/models/concept-input.ts'
import { Random } from '../../src/random.ts'

const FORM = { vocabularySize: 7, conceptConfidences: true }
const D = 3
const random = new Random(1)
const table = (rows: number) => Float32Array.from({ length: rows * D }, () => random.normal())
const words = table(FORM.vocabularySize)
const levels = table(CONFIDENCE_LEVELS)

test('the graph and the host number concepts alike', async () => {
  const scores = Float32Array.from({ length: 200 }, () => random.uniform() ** 2)
  scores.set([0, 1, 0.0101, 0.0099, 0.6401, 0.8099])
  const ids = Int32Array.from(scores, () => random.below(FORM.vocabularySize))
  const outputs = { found: conceptInputs(input('ids', ['N'], 'int32'), input('scores', ['N']), FORM) }
  const graph = await CompiledGraph.load(nodeRuntime, outputs, new Map())
  const { found } = await graph.run({ ids: ints(ids), scores: floats([scores.length], scores) })
  graph.release()
  expect([...(found!.data as Int32Array)]).toEqual([...ids].map((id, i) => conceptInput(id, scores[i]!, FORM)))
})

test('a concept of a model without confidences is the id of its word', () => {
  expect(conceptInput(5, 0.9, { ...FORM, conceptConfidences: false })).toBe(5)
})

test('levels are equal steps of the root of the confidence, and 1 is of the highest', () => {
  const level = (score: number) => conceptInput(0, score, FORM) / FORM.vocabularySize
  expect([0, 0.005, 0.011, 0.05, 0.5, 0.82, 1].map(level)).toEqual([0, 0, 1, 2, 7, 9, 9])
})

test('an embedding is that of the word plus that of the level, and so are the gradients', async () => {
  const shape = [2, 4]
  const pairs = Array.from({ length: 8 }, () => ({ word: random.below(7), score: random.uniform() }))
  const ids = Int32Array.from(pairs, ({ word, score }) => conceptInput(word, score, FORM))
  const [w, l] = [input('words', [7, D]), input('levels', [CONFIDENCE_LEVELS, D])]
  const embedded = embedConcepts(input('concepts', shape, 'int32'), w, l)
  const [dw, dl] = gradients(sum(mul(embedded, input('weights', [...shape, D]))), [w, l])
  const graph = await CompiledGraph.load(nodeRuntime, { embedded, dw: dw!, dl: dl! }, new Map())
  const weights = Float32Array.from({ length: 8 * D }, () => random.normal())
  const made = await graph.run({
    concepts: ints(ids, shape),
    words: floats([7, D], words),
    levels: floats([CONFIDENCE_LEVELS, D], levels),
    weights: floats([...shape, D], weights),
  })
  graph.release()
  const wordGradient = new Float64Array(7 * D)
  const levelGradient = new Float64Array(CONFIDENCE_LEVELS * D)
  const expected = pairs.flatMap(({ word, score }, i) => {
    const level = Math.min(9, Math.floor(10 * Math.sqrt(score)))
    return Array.from({ length: D }, (_, d) => {
      wordGradient[word * D + d]! += weights[i * D + d]!
      levelGradient[level * D + d]! += weights[i * D + d]!
      return words[word * D + d]! + levels[level * D + d]!
    })
  })
  const near = (name: string, values: ArrayLike<number>) => {
    const got = floatData(made[name])
    expect(got).toHaveLength(values.length)
    for (const [i, value] of got.entries()) expect(value).toBeCloseTo(values[i]!, 5)
  }
  near('embedded', expected)
  near('dw', wordGradient)
  near('dl', levelGradient)
})
