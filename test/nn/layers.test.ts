import { describe, expect, test } from 'vitest'
import { CompiledGraph } from '../../src/engine/compiled.ts'
import { floatData } from '../../src/engine/session.ts'
import { floats, ints } from '../../src/formats/host-value.ts'
import { add, concat, input, reshape, slice } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { MultiHeadAttention } from '../../src/nn/attention.ts'
import { dropout } from '../../src/nn/dropout.ts'
import { FeedForward } from '../../src/nn/feedforward.ts'
import { LayerNorm } from '../../src/nn/layernorm.ts'
import { Linear } from '../../src/nn/linear.ts'
import { Lstm, type LstmState } from '../../src/nn/lstm.ts'
import { maskBias, masked, meanOver, rowMask } from '../../src/nn/mask.ts'
import { MiaAttention } from '../../src/nn/mia-attention.ts'
import { Noise } from '../../src/nn/noise.ts'
import { Scope } from '../../src/nn/scope.ts'
import { type Build, expectCase, TINY } from '../fixtures/layers.ts'

const { hiddenSize, numHeads, innerSize } = TINY
const ATTENTION = { hiddenSize, numHeads, dropout: 0.1 }
/** The layers of MIA's visual branch, whose weights the fixture uses. */
const branch = (scope: Scope): Scope => scope.at('encoder').at('mia').at('visual')

const multiHead: Build = (scope, { query, value, mask }, noise) =>
  new MultiHeadAttention(branch(scope).at('attention'), ATTENTION).forward(query!, value!, value!, noise, mask)

const layers: Readonly<Record<string, Build>> = {
  linear: (scope, { x }) => ({
    y: new Linear(scope.at('decoder').at('visualMean'), hiddenSize, hiddenSize).forward(x!),
  }),
  layerNorm: (scope, { x }) => ({
    y: new LayerNorm(scope.at('encoder').at('mia').at('norm'), hiddenSize).forward(x!),
  }),
  feedForward: (scope, { x }, noise) => ({
    y: new FeedForward(branch(scope).at('feedForward'), hiddenSize, innerSize, 0.1).forward(x!, noise),
  }),
  lstm: (scope, { x }) => {
    const lstm = new Lstm(scope.at('decoder').at('lstm'), hiddenSize, hiddenSize)
    const gates = add(lstm.project(x!), lstm.bias)
    const states: LstmState[] = []
    for (let t = 0; t < 3; t++)
      states.push(lstm.step(reshape(slice(gates, 1, t, t + 1), [2, 4 * hiddenSize]), states.at(-1)))
    const hidden = concat(
      states.map((state) => reshape(state.hidden, [2, 1, hiddenSize])),
      1,
    )
    return { hidden, cell: states.at(-1)!.cell }
  },
  multiHead,
  'multiHead.masked': multiHead,
  miaAttention: (scope, { query, value, mask }, noise) =>
    new MiaAttention(branch(scope).at('attention'), ATTENTION).forward(query!, value!, noise, mask),
  masks: (_, { x }) => ({ mean: meanOver(x!, undefined), maskedMean: meanOver(x!, rowMask(x!)) }),
}

describe('computes what PyTorch computes', () => {
  for (const [name, build] of Object.entries(layers)) test(name, () => expectCase(name, build))
})

test('a linear layer without bias is a product', async () => {
  const scope = new Scope()
  const y = new Linear(scope, 2, 3, { bias: false }).forward(input('x', [1, 2]))
  expect([...scope.parameters.keys()]).toEqual(['weight'])
  const weights = new Map([['weight', floats([3, 2], Float32Array.of(1, 2, 3, 4, 5, 6))]])
  const graph = await CompiledGraph.load(nodeRuntime, { y }, weights)
  const results = await graph.run({ x: floats([1, 2], Float32Array.of(10, 1)) })
  graph.release()
  expect([...floatData(results.y)]).toEqual([12, 34, 56])
})

test('rows of zeros are padding, rows whose numbers add up to zero are not', async () => {
  const x = input('x', [2, 3, 2])
  const mask = rowMask(x)
  const graph = await CompiledGraph.load(nodeRuntime, { mask, bias: maskBias(mask), rows: masked(x, mask) })
  const data = Float32Array.of(0, 0, 1, -1, -2, -3, 0, 5, 0, 0, 0, 0)
  const results = await graph.run({ x: floats([2, 3, 2], data) })
  graph.release()
  expect([...floatData(results.mask)]).toEqual([0, 1, 1, 1, 0, 0])
  expect([...floatData(results.bias)]).toEqual([-1e9, 0, 0, 0, -1e9, -1e9])
  expect([...floatData(results.rows)]).toEqual([...data])
})

test('masked() clears the rows that the mask leaves out', async () => {
  const graph = await CompiledGraph.load(nodeRuntime, { y: masked(input('x', [1, 2, 2]), input('mask', [1, 2])) })
  const x = floats([1, 2, 2], Float32Array.of(1, 2, 3, 4))
  const { y } = await graph.run({ x, mask: floats([1, 2], Float32Array.of(0, 1)) })
  graph.release()
  expect([...floatData(y)]).toEqual([0, 0, 3, 4])
})

describe('dropout', () => {
  const x = input('x', [200, 100])

  test.each([0.1, 0.5])('at rate %s clears that share and divides the rest by 1 - rate', async (rate) => {
    const noise = new Noise(input('seed', [], 'int32'), input('step', [], 'int32'))
    const graph = await CompiledGraph.load(nodeRuntime, { y: dropout(x, rate, noise) })
    const feeds = { x: floats([200, 100], new Float32Array(20_000).fill(3)), seed: ints(1), step: ints(1) }
    const y = floatData((await graph.run(feeds)).y)
    graph.release()
    const cleared = y.filter((value) => value === 0).length
    expect(Math.abs(cleared / y.length - rate)).toBeLessThan(0.02)
    for (const value of y) if (value !== 0) expect(value).toBeCloseTo(3 / (1 - rate), 5)
  })

  test('returns its input without noise, and at rate 0', () => {
    expect(dropout(x, 0.5, undefined)).toBe(x)
    expect(dropout(x, 0, new Noise(input('seed', [], 'int32'), input('step', [], 'int32')))).toBe(x)
  })
})
