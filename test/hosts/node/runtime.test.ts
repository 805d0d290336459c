import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { EngineError, floatData, type Session } from '../../../src/engine/session.ts'
import { floats, type HostValue, ints } from '../../../src/formats/host-value.ts'
import { add, cast, input, matmul } from '../../../src/graph/index.ts'
import { nodeRuntime } from '../../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../../src/onnx/export.ts'
import { ModelProtoSchema, TensorProto_DataType } from '../../../src/onnx/pb.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { runScript, source } from '../../support/script.ts'

/** y = x · w for square matrices: at 800 rows some milliseconds of work. */
const square = (size: number): Promise<Session> =>
  nodeRuntime.load(toOnnx({ y: matmul(input('x', ['N', size]), input('w', [size, size])) }))

const filled = (size: number, value: number): HostValue =>
  floats([size, size], new Float32Array(size * size).fill(value))

/** The product of 1s and 2s. */
const feedsOf = (size: number) => ({ x: filled(size, 1), w: filled(size, 2) })

const megabytes = () => process.memoryUsage.rss() / 2 ** 20

// Telemetry. The library is silent on build machines, which it knows by variables such as CI: the scripts run without.

const ADD = `
import { nodeRuntime } from ${source('hosts/node/runtime.ts')}
import { toOnnx } from ${source('onnx/export.ts')}
import { input } from ${source('graph/index.ts')}
import { add } from ${source('graph/index.ts')}
import { floats } from ${source('formats/host-value.ts')}
const addOne = async () => {
  const session = await nodeRuntime.load(toOnnx({ sum: add(input('x', [1]), 1) }))
  const { sum } = await session.run({ x: floats([1]) })
  session.release()
  return sum.data[0]
}
`

test.each([
  { where: 'the main thread', worker: false },
  { where: 'a worker thread', worker: true },
])('a session in $where leaves no telemetry files and no device id', async ({ worker }) => {
  const folder = await temporaryFolder()
  const home = join(folder, 'home')
  const env = { HOME: home, XDG_CACHE_HOME: join(home, 'cache'), TMPDIR: folder }
  expect(await runScript(folder, `${ADD}console.log(await addOne())`, { worker, env })).toBe('1\n')
  const left = (await readdir(folder, { recursive: true })).filter((name) => /microsoft|onnxruntime|^home/i.test(name))
  expect(left).toEqual([])
})

test('a session in a worker thread and one in the main thread run side by side', async () => {
  const folder = await temporaryFolder()
  const script = `${ADD}
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
const sum = await addOne()
if (isMainThread) {
  const other = await new Promise((resolve, reject) => {
    new Worker(new URL('./thread.js', import.meta.url)).on('message', resolve).on('error', reject)
  })
  console.log(sum, other, await addOne())
} else parentPort.postMessage(sum)
`
  expect(await runScript(folder, script)).toBe('1 1 1\n')
})

// Many runs at once

test('600 runs at once all end', async () => {
  const session = await nodeRuntime.load(toOnnx({ sum: add(input('x', [1]), 1) }))
  const runs = Array.from({ length: 600 }, (_, i) => session.run({ x: floats([1], Float32Array.of(i)) }))
  const sums = (await Promise.all(runs)).map(({ sum }) => floatData(sum)[0])
  expect(sums).toEqual(runs.map((_, i) => i + 1))
  session.release()
})

test('runs of several sessions start in the order of the calls, two at once', async () => {
  const sessions = await Promise.all([square(64), square(64)])
  const feeds = feedsOf(64)
  const inProgress = new Set(Array.from({ length: 100 }, (_, i) => i))
  const overtaken = await Promise.all(
    [...inProgress].map(async (i) => {
      await sessions[i % 2]!.run(feeds)
      inProgress.delete(i)
      return [...inProgress].filter((other) => other < i).length
    }),
  )
  expect(Math.max(...overtaken)).toBeLessThanOrEqual(1)
  for (const session of sessions) session.release()
})

test('runs that fail give their turn to those that wait', async () => {
  const session = await square(2)
  const wrong = { x: floats([1, 3]), w: floats([2, 2]) }
  const failures = await Promise.allSettled(Array.from({ length: 300 }, () => session.run(wrong)))
  expect(failures.every(({ status }) => status === 'rejected')).toBe(true)
  expect(floatData((await session.run(feedsOf(2))).y)[0]).toBe(4)
  session.release()
})

test('load() leaves the event loop free', async () => {
  const size = 1024
  const weights = new Map([['w', filled(size, 1)]])
  let product = input('x', [size, size])
  // ONNX Runtime multiplies constants as it loads
  for (let i = 0; i < 6; i++) product = matmul(input('w', [size, size]), matmul(input('w', [size, size]), product))
  const constant = matmul(input('w', [size, size]), matmul(input('w', [size, size]), input('w', [size, size])))
  const model = toOnnx({ product, constant }, weights)
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 1)
  const start = performance.now()
  const session = await nodeRuntime.load(model)
  const took = performance.now() - start
  clearInterval(timer)
  expect(took).toBeGreaterThan(10)
  expect(turns).toBeGreaterThan(2)
  session.release()
})

// Errors

test('load() throws EngineError with the text of ONNX Runtime for bytes that are no model', async () => {
  const error = await nodeRuntime.load(new TextEncoder().encode('not a model')).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(EngineError)
  expect(error).toMatchObject({ name: 'EngineError', message: expect.stringMatching(/protobuf|model/i) })
})

test('run() throws EngineError for a shape or type that the model does not take', async () => {
  const session = await square(2)
  const w = floats([2, 2])
  await expect(session.run({ x: floats([1, 3]), w })).rejects.toThrow(EngineError)
  await expect(session.run({ x: floats([1, 3]), w })).rejects.toThrow(/Got invalid dimensions for input: x/)
  await expect(session.run({ x: ints(new Int32Array(2), [1, 2]), w })).rejects.toThrow(/Unexpected input data type/)
  session.release()
})

test('run() refuses outputs of another shape to write into', async () => {
  const session = await square(2)
  await expect(session.run(feedsOf(2), { into: { y: floats([2, 3]) } })).rejects.toThrow(EngineError)
  session.release()
})

test('run() names what is missing or unknown, also if every object inherits something of that name', async () => {
  const session = await nodeRuntime.load(toOnnx({ toString: add(input('constructor', [1]), 1) }))
  await expect(session.run({})).rejects.toThrow('"constructor"')
  await expect(session.run({ constructor: floats([1]) } as never, { wanted: ['sum'] })).rejects.toThrow('"sum"')
  expect(floatData((await session.run({ constructor: floats([1]) } as never)).toString as never)).toEqual(
    Float32Array.of(1),
  )
  session.release()
})

test('run() refuses a typed array whose memory has gone to another thread', async () => {
  const session = await square(2)
  const feeds = feedsOf(2)
  await session.run(feeds)
  structuredClone(feeds.x.data.buffer, { transfer: [feeds.x.data.buffer as ArrayBuffer] })
  await expect(session.run(feeds)).rejects.toThrow('0 elements do not fill the shape [2,2]')
  session.release()
})

// Lifetimes

test('a session that is released while it runs ends its runs first, and takes no more', async () => {
  const size = 800
  const session = await square(size)
  const feeds = feedsOf(size)
  const runs = [session.run(feeds), session.run(feeds), session.run(feeds)]
  session.release()
  for (const run of runs) expect(floatData((await run).y)[size]).toBe(2 * size)
  await expect(session.run(feeds)).rejects.toThrow('released')
})

test('a value on the device that is released while runs use it lives until they end, and no longer', async () => {
  const size = 300
  const session = await square(size)
  const w = filled(size, 1)
  const { y } = await session.runOnDevice({ x: filled(size, 1), w })
  expect(y).toMatchObject({ dtype: 'float32', shape: [size, size] })
  // of these, two run and the others wait for their turn when the value is released
  const runs = Array.from({ length: 6 }, () => session.run({ x: y!, w }))
  y!.release()
  y!.release()
  // would take the memory of the value's OrtValue if it were freed now
  const others = Array.from({ length: 6 }, (_, i) => session.run({ x: filled(size, 2 + i), w }))
  for (const run of runs) expect(floatData((await run).y)[0]).toBe(size * size)
  for (const [i, run] of others.entries()) expect(floatData((await run).y)[0]).toBe((2 + i) * size)
  await expect(session.run({ x: y!, w })).rejects.toThrow('released')
  await expect(y!.read()).rejects.toThrow('released')
  session.release()
})

test('read() copies a value on the device, which other sessions can then still use', async () => {
  const [first, second] = await Promise.all([square(2), square(2)])
  const { y } = await first.runOnDevice(feedsOf(2))
  const copy = await y!.read()
  floatData(copy).fill(0)
  expect(floatData((await second.run({ ...feedsOf(2), x: y! })).y)[0]).toBe(16)
  y!.release()
  for (const session of [first, second]) session.release()
})

test.each([{ wanted: ['big', 'small'] }, { wanted: ['small', 'big'] }])(
  'the outputs $wanted of a run are freed if one cannot be returned',
  async ({ wanted }) => {
    const size = 2048
    const outputs = { big: add(input('x', [size, size]), 1), small: cast(input('s', [1]), 'uint8') }
    const model = fromBinary(ModelProtoSchema, toOnnx(outputs))
    const int8 = TensorProto_DataType.INT8
    for (const node of model.graph!.node)
      if (node.opType === 'Cast') node.attribute.find(({ name }) => name === 'to')!.i = BigInt(int8)
    const type = model.graph!.output.find(({ name }) => name === 'small')!.type!.value
    if (type.case === 'tensorType') type.value.elemType = int8
    const session = await nodeRuntime.load(toBinary(ModelProtoSchema, model))
    const feeds = { x: filled(size, 1), s: floats([1]) }
    const untyped = 'no typed array for outputs of ONNX type 3'
    const runTwice = async () => {
      await expect(session.run(feeds, { wanted })).rejects.toThrow(untyped)
      await expect(session.runOnDevice(feeds, wanted)).rejects.toThrow(untyped)
    }
    for (let i = 0; i < 3; i++) await runTwice()
    const before = megabytes()
    for (let i = 0; i < 25; i++) await runTwice() // 16 MB each
    expect(megabytes() - before).toBeLessThan(200)
    session.release()
  },
)

test('garbage collection takes nothing from runs in progress, and frees values on the device', async () => {
  const folder = await temporaryFolder()
  const script = `
import { nodeRuntime } from ${source('hosts/node/runtime.ts')}
import { toOnnx } from ${source('onnx/export.ts')}
import { input } from ${source('graph/index.ts')}
import { matmul } from ${source('graph/index.ts')}
import { floats } from ${source('formats/host-value.ts')}

const size = 300
const filled = (value) => floats([size, size], new Float32Array(size * size).fill(value))
const turn = () => new Promise((resolve) => setImmediate(resolve))
/** Collects what nothing holds, and overwrites the memory that this has freed. */
const collect = () => {
  gc()
  for (let i = 0; i < 8; i++) filled(NaN)
}
let session = await nodeRuntime.load(toOnnx({ y: matmul(input('x', [size, size]), input('w', [size, size])) }))
let wrong = 0
for (let round = 0; round < 20; round++) {
  // nothing but the run holds its feeds, the value on the device and the output
  const runs = Array.from({ length: 6 }, async (_, i) => {
    const value = round + i
    const results = i % 2
      ? await session.run({ x: filled(value), w: filled(2) }, { into: { y: filled(0) } })
      : await session.runOnDevice({ x: filled(value), w: filled(2) })
        .then(({ y }) => session.run({ x: y, w: filled(1) }))
    const expected = i % 2 ? 2 * size * value : 2 * size * size * value
    if (!results.y.data.every((each) => each === expected)) wrong += 1
  })
  for (let i = 0; i < 4; i++) {
    await turn()
    collect()
  }
  await Promise.all(runs)
}
const orphan = session.run({ x: filled(3), w: filled(2) })
session = undefined
collect()
if ((await orphan).y.data[0] !== 6 * size) wrong += 1

const large = 2048
const wide = await nodeRuntime.load(toOnnx({ y: matmul(input('x', [large, 1]), input('w', [1, large])) }))
const feeds = { x: floats([large, 1]), w: floats([1, large]) }
for (let i = 0; i < 5; i++) await wide.runOnDevice(feeds)
const before = process.memoryUsage.rss()
for (let i = 0; i < 60; i++) {
  await wide.runOnDevice(feeds) // 16 MB that is not released
  gc()
  await turn()
}
const grown = (process.memoryUsage.rss() - before) / 2 ** 20
console.log(JSON.stringify({ wrong, leaks: grown > 400 && grown }))
`
  const output = await runScript(folder, script, { nodeOptions: ['--expose-gc'] })
  expect(JSON.parse(output)).toEqual({ wrong: 0, leaks: false })
}, 60_000)
