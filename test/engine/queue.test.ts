import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BatchQueue, QueueFullError, type QueueOptions } from '../../src/engine/queue.ts'

const options = (changes: Partial<QueueOptions> = {}): QueueOptions => ({
  batchSize: 2,
  capacity: 4,
  whenFull: 'refuse',
  ...changes,
})

/** Lets every promise that can settle do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Work that ends when the test says so: doubles each number. */
function manualWork() {
  const batches: {
    readonly items: readonly number[]
    readonly signal: AbortSignal
    end(results?: readonly (number | Error)[]): void
    fail(error: Error): void
  }[] = []
  const work = (items: readonly number[], signal: AbortSignal) =>
    new Promise<readonly (number | Error)[]>((resolve, reject) => {
      batches.push({ items, signal, end: (results = items.map((item) => 2 * item)) => resolve(results), fail: reject })
    })
  return { batches, work }
}

test('items of one turn share a batch; what comes during a batch forms the next', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options({ batchSize: 3 }))
  const first = [1, 2].map((item) => queue.submit(item))
  await settled()
  const second = [3, 4, 5, 6].map((item) => queue.submit(item))
  await settled()
  expect(batches.map(({ items }) => items)).toEqual([[1, 2]])
  batches[0]!.end()
  expect(await Promise.all(first)).toEqual([2, 4])
  await settled()
  batches[1]!.end()
  await settled()
  batches[2]!.end()
  expect(await Promise.all(second)).toEqual([6, 8, 10, 12])
  expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3, 4, 5], [6]])
})

test('callers that submit again as soon as they have their result get into the next batch', async () => {
  const sizes: number[] = []
  const work = async (items: readonly number[]) => {
    sizes.push(items.length)
    await settled()
    return items
  }
  const queue = new BatchQueue<number, number>(work, options({ batchSize: 8, capacity: 16 }))
  const caller = async () => {
    for (let i = 0; i < 5; i++) await queue.submit(i)
  }
  await Promise.all(Array.from({ length: 10 }, caller))
  expect(sizes).toEqual([8, 8, 8, 8, 8, 8, 2])
})

test('an item that fails rejects its caller alone', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options())
  const results = Promise.allSettled([queue.submit(1), queue.submit(2)])
  await settled()
  const error = new Error('no picture')
  batches[0]!.end([error, 4])
  expect(await results).toEqual([
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: 4 },
  ])
})

test('work that throws, or returns too few results, rejects its batch and not the next', async () => {
  let calls = 0
  const work = (items: readonly number[]): Promise<readonly number[]> => {
    calls += 1
    if (calls === 1) throw new Error('thrown at once')
    return Promise.resolve(calls === 2 ? items.slice(1) : items)
  }
  const queue = new BatchQueue<number, number>(work, options({ capacity: 4 }))
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map((item) => queue.submit(item)))
  expect(results.map((result) => (result.status === 'rejected' ? result.reason.message : result.value))).toEqual([
    'thrown at once',
    'thrown at once',
    'Internal: the batch of 2 items has 1 results',
    'Internal: the batch of 2 items has 1 results',
    5,
  ])
})

test('a full queue refuses, and counts neither the running batch nor a batch with room', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options({ batchSize: 2, capacity: 1 }))
  const accepted = [1, 2, 3].map((item) => queue.submit(item))
  await expect(queue.submit(4)).rejects.toThrow(QueueFullError)
  await expect(queue.submit(4)).rejects.toThrow('The queue is full: 1 items are waiting; try again later')
  batches[0]!.end()
  await settled()
  accepted.push(queue.submit(5))
  batches[1]!.end()
  await settled()
  batches[2]!.end()
  expect(await Promise.all(accepted)).toEqual([2, 4, 6, 10])
})

test('a full queue that waits takes its callers in order', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options({ batchSize: 3, capacity: 1, whenFull: 'wait' }))
  const results = [1, 2, 3, 4, 5, 6, 7].map((item) => queue.submit(item))
  expect(queue.waiting).toBe(1)
  for (const batch of [0, 1, 2]) {
    await settled()
    batches[batch]!.end()
  }
  expect(await Promise.all(results)).toEqual([2, 4, 6, 8, 10, 12, 14])
  expect(batches.map(({ items }) => items)).toEqual([[1, 2, 3], [4, 5, 6], [7]])
})

test('an abort takes a waiting item out and frees its place', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options({ batchSize: 1, capacity: 1 }))
  const running = queue.submit(1)
  const controller = new AbortController()
  const waiting = queue.submit(2, { signal: controller.signal })
  await expect(queue.submit(3)).rejects.toThrow(QueueFullError)
  controller.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  expect(queue.waiting).toBe(0)
  const next = queue.submit(4)
  batches[0]!.end()
  await settled()
  batches[1]!.end()
  expect(await Promise.all([running, next])).toEqual([2, 8])
  expect(batches.map(({ items }) => items)).toEqual([[1], [4]])
})

test('an abort in the running batch rejects its caller at once; the work is told when all have gone', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options())
  const [one, two] = [new AbortController(), new AbortController()]
  const first = queue.submit(1, { signal: one.signal })
  const second = queue.submit(2, { signal: two.signal })
  await settled()
  one.abort(new Error('gone'))
  await expect(first).rejects.toThrow('gone')
  expect(batches[0]!.signal.aborted).toBe(false)
  two.abort(new Error('gone too'))
  await expect(second).rejects.toThrow('gone too')
  expect(batches[0]!.signal.reason).toEqual(new Error('gone too'))
  // the next batch waits for the work to end all the same
  const third = queue.submit(3)
  await settled()
  expect(batches).toHaveLength(1)
  batches[0]!.fail(new Error('stopped'))
  await settled()
  batches[1]!.end()
  expect(await third).toBe(6)
})

test('an item whose signal has aborted takes no place, and an abort before the batch starts keeps it out', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options({ batchSize: 1 }))
  await expect(queue.submit(1, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
  const controller = new AbortController()
  const second = queue.submit(2, { signal: controller.signal })
  const third = queue.submit(3)
  controller.abort(new Error('at once'))
  await expect(second).rejects.toThrow('at once')
  await settled()
  batches[0]!.end()
  expect(await third).toBe(6)
  expect(batches[0]!.items).toEqual([3])
})

test('an abort before the batch starts makes room in it', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options({ batchSize: 2 }))
  const controller = new AbortController()
  const first = queue.submit(1, { signal: controller.signal })
  const rest = [2, 3].map((item) => queue.submit(item))
  controller.abort(new Error('gone'))
  await expect(first).rejects.toThrow('gone')
  await settled()
  batches[0]!.end()
  expect(await Promise.all(rest)).toEqual([4, 6])
  expect(batches[0]!.items).toEqual([2, 3])
})

test('a signal that outlives its items keeps no listeners', async () => {
  const { signal } = new AbortController()
  let listeners = 0
  const [add, remove] = [signal.addEventListener, signal.removeEventListener]
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1
    add.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1
    remove.apply(signal, args)
  }
  const queue = new BatchQueue<number, number>(
    async (items) => items.map((item) => (item === 1 ? new Error() : item)),
    {
      ...options(),
    },
  )
  await Promise.allSettled([1, 2, 3].map((item) => queue.submit(item, { signal })))
  expect(listeners).toBe(0)
})

test('any number of callers may share a signal, with one listener', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options({ capacity: 100 }))
  const controller = new AbortController()
  const items = Array.from({ length: 50 }, (_, item) => queue.submit(item, { signal: controller.signal }))
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  await settled()
  batches[0]!.end()
  expect(await Promise.all(items.slice(0, 2))).toEqual([0, 2])
  controller.abort(new Error('gone'))
  expect(await Promise.allSettled(items.slice(2))).toEqual(
    Array(48).fill({ status: 'rejected', reason: new Error('gone') }),
  )
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
})

test('close() refuses new items and resolves when those before are done', async () => {
  const { batches, work } = manualWork()
  const queue = new BatchQueue(work, options({ batchSize: 1 }))
  const results = [queue.submit(1), queue.submit(2)]
  let closed = false
  const closing = queue.close().then(() => {
    closed = true
  })
  await expect(queue.submit(3)).rejects.toThrow('closed')
  await settled()
  batches[0]!.end()
  await settled()
  expect(closed).toBe(false)
  batches[1]!.end()
  await closing
  expect(await Promise.all(results)).toEqual([2, 4])
  await queue.close()
})

test('close() of an idle queue, or of one whose items were aborted, resolves', async () => {
  const { work } = manualWork()
  await new BatchQueue(work, options()).close()
  const queue = new BatchQueue(work, options())
  const controller = new AbortController()
  const result = queue.submit(1, { signal: controller.signal })
  controller.abort(new Error('gone'))
  await expect(result).rejects.toThrow('gone')
  await queue.close()
})

test.each([{ batchSize: 0 }, { batchSize: 1.5 }, { capacity: -1 }, { capacity: Number.NaN }, { capacity: 0.5 }])(
  'BatchQueue refuses %o',
  (changes) => {
    expect(() => new BatchQueue(async (items: readonly number[]) => items, options(changes))).toThrow(RangeError)
  },
)

// Random schedules. Items are 0, 1, 2, ... in the order of submission; an item's result is the item times 10.

type Step =
  | { readonly kind: 'submit'; readonly count: number; readonly abortable: boolean }
  | { readonly kind: 'abort'; readonly which: number }
  | { readonly kind: 'end'; readonly fails: readonly boolean[]; readonly throws: boolean }
  | { readonly kind: 'turn' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('submit' as const), count: fc.integer({ min: 1, max: 5 }), abortable: fc.boolean() }),
  fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }),
  fc.record({
    kind: fc.constant('end' as const),
    fails: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    throws: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('turn' as const) }),
)

const schedule = fc.record({
  batchSize: fc.integer({ min: 1, max: 4 }),
  capacity: fc.integer({ min: 0, max: 5 }),
  whenFull: fc.constantFrom('wait' as const, 'refuse' as const),
  steps: fc.array(step, { maxLength: 40 }),
})

test('in any schedule every item settles once, in order, within the sizes of the queue', async () => {
  await fc.assert(
    fc.asyncProperty(schedule, async ({ steps, ...sizes }) => {
      const { batches, work } = manualWork()
      const queue = new BatchQueue(work, sizes)
      const outcomes: string[][] = []
      const controllers = new Map<number, AbortController>()
      const expected = new Map<number, string>()
      let running = 0
      const endBatch = async (fails: readonly boolean[], throws: boolean) => {
        const batch = batches[running]
        if (!batch) return
        running += 1
        for (const [i, item] of batch.items.entries())
          if (!expected.has(item)) expected.set(item, throws ? 'thrown' : fails[i] ? `failed ${item}` : `${10 * item}`)
        if (throws) batch.fail(new Error('thrown'))
        else batch.end(batch.items.map((item, i) => (fails[i] ? new Error(`failed ${item}`) : 10 * item)))
        await settled()
      }
      for (const action of steps) {
        if (action.kind === 'submit')
          for (let i = 0; i < action.count; i++) {
            const item = outcomes.length
            const outcome: string[] = []
            outcomes.push(outcome)
            const controller = action.abortable ? new AbortController() : undefined
            const before = queue.waiting
            queue.submit(item, { signal: controller?.signal }).then(
              (result) => outcome.push(String(result)),
              (error) => {
                if (error instanceof QueueFullError) {
                  expect(sizes.whenFull).toBe('refuse')
                  expect(before).toBe(sizes.capacity)
                  expected.set(item, error.message)
                }
                outcome.push(error.message)
              },
            )
            if (controller) controllers.set(item, controller)
          }
        else if (action.kind === 'abort') {
          const item = [...controllers.keys()][action.which % controllers.size]
          if (item === undefined) continue
          await settled() // let refused items and ended batches be known
          const waiting = queue.waiting
          const wasWaiting = !expected.has(item) && !batches.some(({ items }) => items.includes(item))
          controllers.get(item)!.abort(new Error('gone'))
          if (!expected.has(item)) expected.set(item, 'gone')
          if (wasWaiting && sizes.whenFull === 'refuse') expect(queue.waiting).toBe(waiting - 1)
        } else if (action.kind === 'end') await endBatch(action.fails, action.throws)
        else await settled()
        expect(queue.waiting).toBeLessThanOrEqual(sizes.capacity)
        expect(batches.length - running).toBeLessThanOrEqual(1)
      }
      const closing = queue.close()
      await settled()
      while (running < batches.length) await endBatch([], false)
      await closing
      await settled()
      expect(outcomes).toEqual(outcomes.map((_, item) => [expected.get(item)]))
      const order = batches.flatMap(({ items }) => items)
      expect(order).toEqual([...order].sort((a, b) => a - b))
      expect(new Set(order).size).toBe(order.length)
      for (const { items } of batches) expect(items.length).toBeLessThanOrEqual(sizes.batchSize)
    }),
    { numRuns: 300 },
  )
})
