import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ByteBudget } from '../../src/server/byte-budget.ts'
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.ts'
import { NATIVE_ENDPOINTS } from '../../src/server/native.ts'
import { receive } from '../../src/server/receive.ts'
import { RequestScope } from '../../src/server/request-scope.ts'
import type { Service } from '../../src/server/service.ts'
import { plainPng } from './pictures.ts'
import { serverOfTest, type TestServer } from './support.ts'

const post = (server: TestServer, path: string, body: Uint8Array | string, init: RequestInit = {}) =>
  fetch(server.at(path), { method: 'POST', body: body as BodyInit, ...init })

/** A connection that has sent `text` and is closed after the test. */
function sending(server: TestServer, text: string): Socket {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write(text)
  onTestFinished(() => void socket.destroy())
  return socket
}

const head = (length: number, path = '/v1/caption'): string =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${length}\r\n\r\n`

const MEBIBYTE = 2 ** 20

test('bytes and pixels beyond the limits are refused, declared or not, whatever the form', async () => {
  const server = await serverOfTest({ maxMegabytes: 1, maxMegapixels: 1 })
  const large = Buffer.alloc(1.5 * MEBIBYTE, 'GIF89a')
  const streamed = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(64 * 1024))
    },
  })
  const form = new FormData()
  form.append('image', new Blob([large.subarray(0, MEBIBYTE + 10)]), 'a.gif')
  const images = [large.subarray(0, MEBIBYTE + 10).toString('base64')]
  const statuses = [
    await post(server, '/v1/caption', large),
    await fetch(server.at('/v1/caption'), { method: 'POST', body: streamed, duplex: 'half' } as RequestInit),
    await fetch(server.at('/v1/caption'), { method: 'POST', body: form }),
    await post(server, '/api/generate', JSON.stringify({ model: 'mia-caption', prompt: '', images })),
    await post(server, '/v1/caption', await plainPng(1, 1001)),
  ].map(({ status }) => status)
  expect(statuses).toEqual([413, 413, 413, 413, 413])
  expect((await post(server, '/v1/caption', await plainPng(1, 1000))).status).toBe(200)
})

test('a picture that would be huge once decoded is refused by its header', async () => {
  const server = await serverOfTest({ maxMegapixels: 20 })
  const bomb = await plainPng(1, 5000)
  const response = await post(server, '/v1/caption', bomb)
  expect(bomb.length).toBeLessThan(MEBIBYTE)
  expect([response.status, (await response.json()).detail]).toEqual([413, expect.stringContaining('25,000,000 pixels')])
})

test('JSON of nothing but brackets is refused before it is parsed', async () => {
  const server = await serverOfTest()
  for (const text of ['['.repeat(5 * MEBIBYTE), `[${'[],'.repeat(MEBIBYTE)}0]`, '{"a":'.repeat(MEBIBYTE)])
    expect((await post(server, '/api/chat', text)).status).toBe(413)
})

test('a body that does not come in time is refused, and its client let go', async () => {
  const server = await serverOfTest({ timeout: 1 })
  const socket = sending(server, `${head(1000)}GIF89a`)
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toMatch(/^HTTP\/1\.1 408 /)
  await once(socket, 'close')
})

test('a full queue is refused once the body is here, so that the client sees the answer', async () => {
  const pieces = [1, 2, 3, 4]
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      const piece = pieces.shift()
      if (piece === undefined) controller.close()
      else controller.enqueue(Uint8Array.of(piece))
    },
  })
  const request = new Request('http://localhost/v1/caption', { method: 'POST', body, duplex: 'half' } as RequestInit)
  const endpoint = NATIVE_ENDPOINTS.find(({ path }) => path === '/v1/caption')!
  const service = { captioner: { waiting: 64 }, limits: DEFAULT_SERVER_LIMITS } as Service
  const budget = new ByteBudget(1000)
  const scope = new RequestScope(new AbortController().signal, 30, budget)
  await expect(scope.run(() => receive(request, endpoint, service, scope))).rejects.toMatchObject({ status: 503 })
  expect([pieces.length, budget.held]).toEqual([0, 0])
})

test('beyond its capacity the queue refuses with 503 and Retry-After, and every accepted request is answered', async () => {
  const server = await serverOfTest({ queue: 4 })
  const picture = await plainPng(1)
  const answers = await Promise.all(Array.from({ length: 80 }, () => post(server, '/v1/caption', picture)))
  const [accepted, refused] = [200, 503].map((status) => answers.filter((answer) => answer.status === status))
  expect(accepted!.length + refused!.length).toBe(80)
  expect(accepted!.length).toBeGreaterThan(4)
  expect(refused!.length).toBeGreaterThan(0)
  for (const answer of accepted!) expect((await answer.json()).caption).not.toBe('')
  for (const answer of refused!) {
    expect(answer.headers.get('retry-after')).toBe('2')
    expect((await answer.json()).detail).toMatch(/^\d+ images are waiting; try again later$/)
  }
  expect((await post(server, '/v1/caption', picture)).status).toBe(200)
})

test('a client that goes frees its place', async () => {
  const server = await serverOfTest({ queue: 20 })
  const picture = await plainPng(1)
  const controller = new AbortController()
  const gone = Array.from({ length: 30 }, () =>
    post(server, '/v1/caption?beam=20&maxLength=100&minLength=90', picture, { signal: controller.signal }).catch(
      () => {},
    ),
  )
  const waiting = async (): Promise<number> => {
    const text = await (await fetch(server.at('/metrics'))).text()
    return Number(/^mia_queue_waiting (\d+)$/m.exec(text)![1])
  }
  while ((await waiting()) < 5) await new Promise((resolve) => setTimeout(resolve, 10))
  controller.abort()
  await Promise.all(gone)
  while ((await waiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  expect((await post(server, '/v1/caption', picture)).status).toBe(200)
  const left = server.records.filter(({ status }) => status === 499)
  expect(left.length).toBeGreaterThan(5)
})

test('a budget of bytes is shared, and what a request held comes back', () => {
  const budget = new ByteBudget(10)
  const [a, b] = [budget.lease(), budget.lease()]
  a.add(6)
  b.add(4)
  expect(() => b.add(1)).toThrow('Too many bodies')
  expect(budget.held).toBe(10)
  a.end()
  b.add(6)
  b.end()
  b.end()
  expect(budget.held).toBe(0)
})
