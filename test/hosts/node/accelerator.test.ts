import { describe, expect, test } from 'vitest'
import { EngineError, floatData, type Runtime } from '../../../src/engine/session.ts'
import { toFloat16 } from '../../../src/formats/float16.ts'
import { floats, type HostValue, ints } from '../../../src/formats/host-value.ts'
import { add, cast, input, matmul, mul } from '../../../src/graph/index.ts'
import { nodeRuntime } from '../../../src/hosts/node/runtime.ts'
import type { BasicModelName } from '../../../src/models/basic-models.ts'
import { Noise } from '../../../src/nn/noise.ts'
import { toOnnx } from '../../../src/onnx/export.ts'
import { search } from '../../../src/search/index.ts'
import { ModelDecoder } from '../../../src/search/model-stepper.ts'
import { webgpuHere } from '../../support/gpu.ts'
import { imagesOf, tinyModel, trainTiny, weightsOf } from '../../train/word-batch.ts'

const here = webgpuHere()
const gpu = here as Runtime
if (typeof here === 'string') console.warn(`Tests of WebGPU are skipped: ${here}`)

/** y = x · w + 1 */
const affine = () => toOnnx({ y: add(matmul(input('x', ['N', 2]), input('w', [2, 2])), 1) })
const square = (...values: number[]): HostValue => floats([2, 2], Float32Array.from(values))

describe.skipIf(typeof here === 'string')('a session on WebGPU', () => {
  test('computes what it should, into new arrays, given arrays, and values that stay on the device', async () => {
    const session = await gpu.load(affine())
    expect(session.onDevice).toBe(true)
    const feeds = { x: square(1, 2, 3, 4), w: square(1, 0, 0, 2) }
    const { y } = await session.run(feeds)
    expect(y).toMatchObject({ dtype: 'float32', shape: [2, 2] })
    expect([...floatData(y)]).toEqual([2, 5, 4, 9])
    const into = { y: square(0, 0, 0, 0) }
    expect((await session.run(feeds, { into })).y).toBe(into.y)
    expect([...floatData(into.y)]).toEqual([2, 5, 4, 9])
    const first = (await session.runOnDevice(feeds)).y!
    const second = (await session.runOnDevice({ ...feeds, x: first })).y!
    first.release()
    expect([...floatData(await second.read())]).toEqual([3, 11, 5, 19])
    second.release()
    await expect(second.read()).rejects.toThrow('released')
    session.release()
    await expect(session.run(feeds)).rejects.toThrow('released')
  })

  test('takes float16, which many GPUs lack', async () => {
    const session = await gpu.load(toOnnx({ y: add(cast(input('x', ['N'], 'float16'), 'float32'), 1) }))
    const x: HostValue = { dtype: 'float16', shape: [3], data: toFloat16(Float32Array.of(0.5, -2, 1000)) }
    expect([...floatData((await session.run({ x })).y)]).toEqual([1.5, -1, 1001])
    session.release()
  })

  test('a run whose random bits cannot be computed fails alone, also while another one is in progress', async () => {
    const noise = new Noise(input('seed', [], 'int32'), input('step', [], 'int32'))
    const x = input('x', ['B', 5])
    const session = await gpu.load(toOnnx({ y: mul(x, cast(noise.mask(x.shape, 0.5), 'float32')) }))
    expect([...session.inputNames].sort()).toEqual(['seed', 'step', 'x'])
    const feeds = { x: floats([40, 5], new Float32Array(200).fill(1)), seed: ints(3), step: ints(7) }
    const { seed, ...others } = feeds
    const [first, second, third] = await Promise.allSettled([
      session.run(feeds),
      session.run(others),
      session.run(feeds),
    ])
    expect(second).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('"seed"') } })
    const masks = [first, third].map((each) => each.status === 'fulfilled' && floatData(each.value.y))
    expect(new Set(masks[0] as Float32Array)).toEqual(new Set([0, 1]))
    expect(masks[1]).toEqual(masks[0])
    session.release()
  })

  test('many runs at once, with values released meanwhile, all end with their own results', async () => {
    const session = await gpu.load(affine())
    const w = square(1, 0, 0, 1)
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const { y } = await session.runOnDevice({ x: square(i, 0, 0, 0), w })
        const read = y!.read()
        y!.release()
        return floatData(await read)[0]
      }),
    )
    expect(results).toEqual(results.map((_, i) => i + 1))
    session.release()
  })

  test('refuses what the model does not take, and values of another runtime', async () => {
    const [session, other] = await Promise.all([gpu.load(affine()), nodeRuntime.load(affine())])
    const w = square(1, 0, 0, 1)
    await expect(session.run({ x: floats([1, 3]), w })).rejects.toThrow(EngineError)
    await expect(session.run({ w })).rejects.toThrow('"x"')
    const { y } = await other.runOnDevice({ x: w, w })
    await expect(session.run({ x: y!, w })).rejects.toThrow('another runtime')
    y!.release()
    for (const each of [session, other]) each.release()
  })
})

describe.skipIf(typeof here === 'string')('on WebGPU as on the processor', () => {
  test('three training steps give the same losses, weights and moments', async () => {
    const model = tinyModel('VisualAttention', false)
    const train = async (runtime: Runtime) => {
      const { results, state, session } = await trainTiny(runtime, model, 3)
      if (session.onDevice) expect(() => state.weights).toThrow('toHost()')
      await state.toHost()
      const tensors = state.tensors()
      state.release()
      session.release()
      return { losses: results.map(({ loss }) => loss), tensors }
    }
    const expected = await train(nodeRuntime)
    const found = await train(gpu)
    for (const [i, loss] of expected.losses.entries()) expect(found.losses[i]).toBeCloseTo(loss, 5)
    for (const group of ['weights', 'firstMoments', 'secondMoments'] as const)
      for (const [name, { data }] of expected.tensors[group]) {
        const other = found.tensors[group].get(name)!.data
        const worst = Math.max(...Array.from(data, (value, i) => Math.abs(value - other[i]!)))
        expect(worst, `${group} of ${name}`).toBeLessThan(1e-6)
      }
  })

  test.each<{ model: BasicModelName; mia: boolean }>([
    { model: 'VisualAttention', mia: true },
    { model: 'Transformer', mia: false },
  ])('$model says the same captions (MIA: $mia)', async ({ model: name, mia }) => {
    const model = tinyModel(name, mia)
    const images = imagesOf()
    const caption = async (runtime: Runtime) => {
      const decoder = await ModelDecoder.load(runtime, model, new Map(Object.entries(weightsOf(model))))
      const stepper = await decoder.encode(images.features!.data as Uint16Array, images.concepts!.data as Int32Array)
      const found = await search(stepper, images.features!.shape[0]!, { beam: 2, maxLength: 4 })
      stepper.release()
      await decoder.release()
      return found.flat()
    }
    const expected = await caption(nodeRuntime)
    const found = await caption(gpu)
    expect(found.map(({ words }) => words)).toEqual(expected.map(({ words }) => words))
    for (const [i, { logProb }] of expected.entries()) expect(found[i]!.logProb).toBeCloseTo(logProb, 4)
  })
})
