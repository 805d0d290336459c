// Short forms of the load tests in bench/serve.ts.
import { expect, test } from 'vitest'
import { sendBroken } from '../../bench/load/broken-bodies.ts'
import { closedLoop, openLoop, post } from '../../bench/load/requests.ts'
import { slowClients } from '../../bench/load/slow-clients.ts'
import { plainPng } from './pictures.ts'
import { serverOfTest } from './support.ts'

test('load is never sent to another machine', () => {
  expect(() => post('http://192.0.2.1/v1/caption', new Uint8Array())).toThrow('only to 127.0.0.1')
})

test('more than it can answer: each request gets 200 or 503, and the next one gets 200', async () => {
  const server = await serverOfTest({ queue: 8 })
  const picture = await plainPng(1)
  const { statuses } = await openLoop(server.at('/v1/caption'), [picture], { rate: 300, seconds: 2 })
  const { 200: answered = 0, 503: refused = 0, ...others } = statuses
  expect(others).toEqual({})
  expect(answered).toBeGreaterThan(8)
  expect(refused).toBeGreaterThan(0)
  expect((await post(server.at('/v1/caption'), picture)).status).toBe(200)
  const text = await (await fetch(server.at('/metrics'))).text()
  expect(text).toMatch(/^mia_body_bytes 0$/m)
  expect(text).toMatch(/^mia_http_requests_in_progress 1$/m) // this one
})

test('100 slow clients keep nobody else waiting, and are let go', async () => {
  const server = await serverOfTest({ timeout: 8 })
  const crowd = await slowClients(server.url, 100, 100)
  const { statuses } = await closedLoop(server.at('/v1/caption'), [await plainPng(1)], { connections: 4, requests: 20 })
  expect(statuses).toEqual({ 200: 20 })
  while (crowd.open > 0) await new Promise((resolve) => setTimeout(resolve, 100))
  expect(server.records.filter(({ status }) => status === 408).length).toBe(100)
  crowd.end()
})

test('400 broken bodies: no answer of 500, no stack, and the server goes on', async () => {
  const server = await serverOfTest()
  const pictures = await Promise.all([1, 2, 3].map((i) => plainPng(i, 200)))
  const { statuses, faults } = await sendBroken(server.url, pictures, { count: 400, connections: 8, seed: 7 })
  expect(faults).toEqual([])
  expect(Object.values(statuses).reduce((sum, count) => sum + count, 0)).toBe(400)
  for (const status of [400, 413, 422]) expect(statuses[status]).toBeGreaterThan(0)
  expect((await post(server.at('/v1/caption'), pictures[0]!)).status).toBe(200)
})
