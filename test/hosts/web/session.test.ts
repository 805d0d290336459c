import type { InferenceSession } from 'onnxruntime-web'
import { expect, test } from 'vitest'
import { splitHostPart } from '../../../src/engine/host-part.ts'
import { HostPartSession } from '../../../src/engine/host-part-session.ts'
import { floats } from '../../../src/formats/host-value.ts'
import { expand, input, reshape, sum } from '../../../src/graph/index.ts'
import { nodeRuntime } from '../../../src/hosts/node/runtime.ts'
import { WebSession } from '../../../src/hosts/web/session.ts'
import type { Ort } from '../../../src/hosts/web/tensors.ts'
import { toOnnx } from '../../../src/onnx/export.ts'

/** A tensor of ONNX Runtime's library for pages, in memory. */
class Tensor {
  readonly type: string
  readonly data: unknown
  readonly dims: readonly number[]
  constructor(type: string, data: unknown, dims: readonly number[]) {
    this.type = type
    this.data = data
    this.dims = dims
  }
  async getData() {
    return this.data
  }
  dispose() {}
}

/** y = the sum of x, three times for each row: its size is computed by the host part, and the device is a fake. */
async function sessionWithHostPart(events: string[]) {
  const x = input('x', ['B', 2])
  const { device, host } = splitHostPart(toOnnx({ y: expand(reshape(sum(x), [1]), ['3*B']) }))
  const hostPart = new HostPartSession(host!, await nodeRuntime.load(host!.model))
  const compiled = await nodeRuntime.load(device)
  const fake = {
    inputNames: compiled.inputNames,
    outputNames: compiled.outputNames,
    async run(feeds: Record<string, Tensor>) {
      events.push('run')
      const values = Object.entries(feeds).map(([name, { type, dims, data }]) => [
        name,
        { dtype: type, shape: dims, data },
      ])
      const { y } = await compiled.run(Object.fromEntries(values))
      return { y: new Tensor(y!.dtype, y!.data, y!.shape) }
    },
    async release() {
      events.push('release')
    },
  }
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }
  return new WebSession({ Tensor } as unknown as Ort, fake as unknown as InferenceSession, inTurn, {
    prepare: (value) => value,
    hostPart,
  })
}

const feeds = { x: floats([2, 2], Float32Array.of(1, 2, 3, 4)) }

test('a session with a host part takes the inputs of the whole model', async () => {
  const session = await sessionWithHostPart([])
  expect(session.inputNames).toEqual(['x'])
  const { y } = await session.run(feeds)
  expect([...(y!.data as Float32Array)]).toEqual(Array(6).fill(10))
  session.release()
})

test('it is freed after the runs in progress, once', async () => {
  const events: string[] = []
  const session = await sessionWithHostPart(events)
  const running = session.run(feeds)
  session.release()
  session.release()
  expect((await running).y!.shape).toEqual([6])
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(events).toEqual(['run', 'release'])
  await expect(session.run(feeds)).rejects.toThrow('released')
})
