import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type BeatPort, beat } from '../../../../src/hosts/node/mpi/beats.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'hrtime'] }))
afterEach(() => void vi.useRealTimers())

/** A thread of beats from rank 0 to the ranks 1 and 2, with an MPI whose messages to `stuck` do not leave. */
function begin(stuck: readonly number[]) {
  const sent: { to: number; tag: number; bytes: Uint8Array }[] = []
  const to = new Map<unknown, number>()
  let waited = 0
  let tell: Parameters<BeatPort['on']>[1] = () => {}
  const mpi = {
    MPI_Isend(...[bytes, , , rank, tag, , request]: unknown[]) {
      sent.push({ to: rank as number, tag: tag as number, bytes: bytes as Uint8Array })
      to.set(request, rank as number)
      return 0
    },
    MPI_Test(request: unknown, left: unknown) {
      ;(left as Int32Array)[0] = stuck.includes(to.get(request)!) ? 0 : 1
      return 0
    },
    MPI_Wait() {
      waited += 1
      return 0
    },
  }
  const numbers = new Float64Array(new SharedArrayBuffer(24))
  const now = () => Number(process.hrtime.bigint() / 1_000_000n)
  numbers.set([7, now(), 0])
  beat(
    mpi,
    { on: (_, listener) => (tell = listener), close() {} },
    {
      rank: 0,
      to: [1, 2],
      world: 5,
      byte: 6,
      shared: numbers.buffer as SharedArrayBuffer,
      beatMs: 1000,
      stoodStillMs: 5000,
      slackMs: 1000,
      statusBytes: 64,
      requestBytes: 8,
    },
  )
  return { sent, tell: (message: Parameters<typeof tell>[0]) => tell(message), waited: () => waited, numbers, now }
}

test('a beat that does not leave keeps no other from leaving, and is waited for only at the end', () => {
  const { sent, tell, waited } = begin([1])
  vi.advanceTimersByTime(3000)
  expect(sent.map(({ to }) => to)).toEqual([1, 2, 2, 2])
  tell({ to: 1, tag: 1, bytes: Uint8Array.of(1, 2) })
  expect(sent.at(-1)).toMatchObject({ to: 1, tag: 1, bytes: Uint8Array.of(1, 2) })
  expect(waited()).toBe(0)
  tell(undefined)
  expect(waited()).toBe(3)
  vi.advanceTimersByTime(3000)
  expect(sent).toHaveLength(5)
})

test('a beat says for how long the main thread should have given a sign', () => {
  const { sent, numbers, now } = begin([])
  const overdue = () => new Float64Array(sent.at(-1)!.bytes.buffer)
  vi.advanceTimersByTime(1000)
  expect([...overdue()]).toEqual([0, 7, 0])
  vi.advanceTimersByTime(4000)
  expect(overdue()[2]).toBe(3000)
  numbers.set([8, now(), 60_000]) // it works for a minute
  vi.advanceTimersByTime(60_000)
  expect([...overdue()]).toEqual([0, 8, 0])
  vi.advanceTimersByTime(20_000)
  expect(overdue()[2]).toBe(18_000)
})
