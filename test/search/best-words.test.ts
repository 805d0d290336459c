import { describe, expect, test } from 'vitest'
import { CompiledGraph } from '../../src/engine/compiled.ts'
import { floatData, intData } from '../../src/engine/session.ts'
import { floats } from '../../src/formats/host-value.ts'
import { input } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { OutputLayer } from '../../src/models/output-layer.ts'
import { Scope } from '../../src/nn/scope.ts'
import { bestWords } from '../../src/search/best-words.ts'
import { normals } from '../support/random.ts'

const [ROWS, SIZE, WORDS, WIDTH] = [6, 256, 400, 3]
const random = normals(3)
const hidden = Float32Array.from(random(ROWS * SIZE))
const weight = Float32Array.from(random(WORDS * SIZE), (value) => 0.15 * value)
const bias = Float32Array.from(random(WORDS))
const penalties = Float32Array.from(random(ROWS * WORDS), (value) => (value > 1 ? -Infinity : value > 0.5 ? -1 : 0))

/** The words by brute force in float64: softmax over all, special words out, penalties added, sorted. */
function byBruteForce(penalised: boolean): { id: number; logProb: number }[][] {
  return Array.from({ length: ROWS }, (_, row) => {
    const logits = Array.from({ length: WORDS }, (_, word) => {
      let sum = bias[word]!
      for (let i = 0; i < SIZE; i++) sum += hidden[row * SIZE + i]! * weight[word * SIZE + i]!
      return sum
    })
    const normaliser = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
    return logits
      .map((logit, id) => ({ id, logProb: logit - normaliser + (penalised ? penalties[row * WORDS + id]! : 0) }))
      .filter(({ id }) => ![0, 1, 3].includes(id)) // <pad>, <start>, <unk>
      .sort((a, b) => b.logProb - a.logProb)
      .slice(0, WIDTH)
  })
}

describe.each(['float32', 'int8'] as const)('bestWords() in %s', (precision) => {
  test.each([false, true])('are those of brute force, with penalties: %s', async (penalised) => {
    const scope = new Scope()
    const output = new OutputLayer(scope, SIZE, WORDS, 0)
    const weights = new Map([
      ['weight', { shape: [WORDS, SIZE], data: weight }],
      ['bias', { shape: [WORDS], data: bias }],
    ])
    const { ids, logProbs } = bestWords(output, input('hidden', ['N', SIZE]), {
      width: WIDTH,
      precision,
      penalties: penalised ? input('penalties', ['N', WORDS]) : undefined,
    })
    const quantized = precision === 'int8' ? { quantized: () => true } : {}
    const graph = await CompiledGraph.load(nodeRuntime, { ids, logProbs }, weights, quantized)
    try {
      const feeds = { hidden: floats([ROWS, SIZE], hidden), penalties: floats([ROWS, WORDS], penalties) }
      const found = await graph.run(feeds)
      const wanted = byBruteForce(penalised).flat()
      expect([...intData(found.ids)]).toEqual(wanted.map(({ id }) => id))
      const error = precision === 'int8' ? 5e-3 : 1e-5
      for (const [i, logProb] of floatData(found.logProbs).entries())
        expect(Math.abs(logProb - wanted[i]!.logProb)).toBeLessThan(error)
    } finally {
      graph.release()
    }
  })
})
