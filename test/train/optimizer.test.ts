import { describe, expect, test } from 'vitest'
import { floatData, type Session } from '../../src/engine/session.ts'
import { floats, type HostValue } from '../../src/formats/host-value.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { Scope } from '../../src/nn/scope.ts'
import { adamRates, type Clipping, PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { gradientName, momentNames, updateStep } from '../../src/train/update.ts'
import { normals } from '../support/random.ts'

const scope = new Scope()
const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1))
scope.parameter('encoder.weight', [2, 3], zeros)
scope.parameter('decoder.bias', [4], zeros)
const parameters = [...scope.parameters.values()]
const update = (clipping: Clipping): Promise<Session> =>
  nodeRuntime.load(updateStep(parameters, { adam: PUBLISHED_ADAM, clipping }))

const random = normals(3)
const drawn = (scale = 1): Map<string, Float32Array> =>
  new Map(parameters.map(({ name, shape }) => [name, Float32Array.from(random(zeros(shape).length), (x) => x * scale)]))

/** Runs an update with these gradients, and returns its outputs. */
async function run(
  session: Session,
  gradients: ReadonlyMap<string, Float32Array>,
  state: Readonly<Record<string, HostValue>>,
  step = 1,
): Promise<Readonly<Record<string, HostValue>>> {
  const { stepSize, epsilon } = adamRates(step, 0.01, PUBLISHED_ADAM)
  const feeds = {
    ...state,
    ...Object.fromEntries(
      parameters.map(({ name, shape }) => [gradientName(name), floats(shape, gradients.get(name))]),
    ),
    stepSize: floats([], Float32Array.of(stepSize)),
    epsilon: floats([], Float32Array.of(epsilon)),
  }
  return session.run(feeds)
}

/** Weights, with moments of zeros. */
const stateOf = (weights: ReadonlyMap<string, Float32Array>): Record<string, HostValue> =>
  Object.fromEntries(
    parameters.flatMap(({ name, shape }) => [
      [name, floats(shape, weights.get(name))],
      ...Object.values(momentNames(name)).map((moment) => [moment, floats(shape)] as const),
    ]),
  )

test('adam() makes the weights of Kingma and Ba (algorithm 1) in float64, over 40 steps of any gradients', async () => {
  const { beta1, beta2, epsilon } = PUBLISHED_ADAM
  const session = await update({ kind: 'none' })
  const weights = drawn()
  let state = stateOf(weights)
  const exact = new Map(
    parameters.map(({ name }) => [
      name,
      { w: Float64Array.from(weights.get(name)!), m: [] as number[], v: [] as number[] },
    ]),
  )
  for (let step = 1; step <= 40; step++) {
    const gradients = drawn(step % 3 === 0 ? 1e-6 : 1)
    const outputs = await run(session, gradients, state, step)
    state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[`next.${name}`]!]))
    for (const [name, { w, m, v }] of exact)
      for (const [i, g] of gradients.get(name)!.entries()) {
        m[i] = beta1 * (m[i] ?? 0) + (1 - beta1) * g
        v[i] = beta2 * (v[i] ?? 0) + (1 - beta2) * g * g
        const [mean, variance] = [m[i] / (1 - beta1 ** step), v[i] / (1 - beta2 ** step)]
        w[i]! -= (0.01 * mean) / (Math.sqrt(variance) + epsilon)
      }
  }
  session.release()
  for (const [name, { w }] of exact)
    for (const [i, weight] of floatData(state[name]).entries()) expect(weight, name).toBeCloseTo(w[i]!, 5)
})

describe('clipping', () => {
  const gradients = new Map([
    ['encoder.weight', Float32Array.of(3, -4, 0, 0, 0, 0.05)],
    ['decoder.bias', Float32Array.of(0, 12, -0.05, 0)],
  ])
  const norm = Math.hypot(3, 4, 0.05, 12, 0.05) // of all weights together
  /** The gradients as Adam gets them: after its first step from zeros the first moment is the gradient. */
  const applied = async (clipping: Clipping) => {
    const session = await update(clipping)
    const outputs = await run(session, gradients, stateOf(drawn()))
    session.release()
    expect(floatData(outputs.gradientNorm)[0]).toBeCloseTo(norm, 5) // before clipping, whatever the kind
    return parameters.map(({ name }) => [...floatData(outputs[`next.${momentNames(name).first}`])])
  }
  const rounded = (values: number[][]) => values.map((each) => each.map(Math.fround))
  const scaled = (factor: number) => parameters.map(({ name }) => [...gradients.get(name)!].map((g) => g * factor))

  test('by value limits each number', async () => {
    expect(await applied({ kind: 'value', limit: 0.1 })).toEqual(
      rounded([
        [0.1, -0.1, 0, 0, 0, 0.05],
        [0, 0.1, -0.05, 0],
      ]),
    )
  })

  test.each([
    ['scales all gradients together to the limit', 1, 1 / norm],
    ['changes no gradients below the limit', 20, 1],
  ])('by norm %s', async (_, limit, factor) => {
    const found = await applied({ kind: 'norm', limit })
    const wanted = scaled(factor).flat()
    for (const [i, value] of found.flat().entries()) expect(value).toBeCloseTo(wanted[i]!, 6)
  })

  test('of weights clamps those of the decoder before the step, and leaves gradients and the encoder', async () => {
    const kind = { kind: 'weight-clamp', limit: 0.1 } as const
    expect(await applied(kind)).toEqual(scaled(1))
    const session = await update(kind)
    const still = new Map(parameters.map(({ name, shape }) => [name, zeros(shape)]))
    const outputs = await run(
      session,
      still,
      stateOf(new Map(parameters.map(({ name, shape }) => [name, zeros(shape).fill(0.5)]))),
    )
    session.release()
    expect(new Set(floatData(outputs['next.encoder.weight']))).toEqual(new Set([0.5]))
    expect(new Set(floatData(outputs['next.decoder.bias']))).toEqual(new Set([Math.fround(0.1)]))
  })
})
