import { describe, expect, test } from 'vitest'
import { elementCount, type HostValue } from '../../src/formats/host-value.ts'
import { input, registry, type Tensor, vjp } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { normals } from '../support/random.ts'
import { type Sample, samples } from './samples.ts'

/**
 * vᵀ f'(x) u by central differences and by our gradient rules, in float64: two forward runs, whatever the size of x.
 */
async function difference(
  { shapes, run, step: h = 1e-5 }: Sample,
  seed: number,
): Promise<{ analytic: number; numeric: number }> {
  const random = normals(seed)
  const inputs = shapes.map((shape, i) => input(`x${i}`, shape, 'float64'))
  const result = run(...inputs)
  const outputs: readonly Tensor[] = Array.isArray(result) ? result : [result as Tensor]
  const seeds = outputs.map((y, i) => input(`v${i}`, y.shape, 'float64'))
  const adjoints = vjp(outputs, seeds, inputs)
  const named = Object.fromEntries([...outputs.map((y, i) => [`y${i}`, y]), ...adjoints.map((g, i) => [`g${i}`, g])])
  const session = await nodeRuntime.load(toOnnx(named))
  const values = (shape: readonly unknown[]) => random(elementCount(shape as number[]))
  const x = inputs.map(({ shape }) => values(shape))
  const u = inputs.map(({ shape }) => values(shape))
  const v = seeds.map(({ shape }) => values(shape))
  const evaluate = async (step: number) => {
    const value = (data: Float64Array, shape: readonly unknown[]): HostValue => ({
      dtype: 'float64',
      shape: shape as number[],
      data,
    })
    const moved = (i: number) => x[i]!.map((start, k) => start + step * u[i]![k]!)
    const feeds = Object.fromEntries([
      ...inputs.map((t, i) => [`x${i}`, value(moved(i), t.shape)]),
      ...seeds.map((t, i) => [`v${i}`, value(v[i]!, t.shape)]),
    ])
    return session.run(feeds)
  }
  const dot = (a: Float64Array, b: ArrayLike<number>) => a.reduce((total, value, i) => total + value * b[i]!, 0)
  const project = async (step: number) => {
    const ys = await evaluate(step)
    return v.reduce((total, vector, i) => total + dot(vector, ys[`y${i}`]!.data as Float64Array), 0)
  }
  const numeric = ((await project(h)) - (await project(-h))) / (2 * h)
  const at = await evaluate(0)
  const analytic = u.reduce((total, vector, i) => total + dot(vector, at[`g${i}`]!.data as Float64Array), 0)
  session.release()
  return { analytic, numeric }
}

const tolerance = (op: string) => (op === 'cast' || op === 'layerNorm' ? 2e-2 : 1e-6)

describe('gradients', () => {
  for (const [i, sample] of samples.entries())
    test(`${sample.op} (${i}) has the gradient of central differences`, async () => {
      for (const seed of [1, 2, 3]) {
        const { analytic, numeric } = await difference(sample, seed * 100 + i)
        expect(Math.abs(analytic - numeric) / Math.max(1, Math.abs(numeric))).toBeLessThan(tolerance(sample.op))
      }
    })

  test('samples cover every differentiable operator', () => {
    const differentiable = [...registry.values()].filter((op) => op.grad).map((op) => op.name)
    const sampled = new Set(samples.map((sample) => sample.op))
    expect(differentiable.filter((name) => !sampled.has(name))).toEqual([])
  })
})
