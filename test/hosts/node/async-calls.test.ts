import { expect, test } from 'vitest'
import { AsyncCalls, type EndOfCall } from '../../../src/hosts/node/async-calls.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { COLLECT_GARBAGE, runScript, source } from '../../support/script.ts'

test('at most as many calls as allowed are in progress, and the others start in order', async () => {
  const calls = new AsyncCalls(2)
  const started: number[] = []
  const ends: EndOfCall[] = []
  const results = [0, 1, 2, 3].map((i) =>
    calls.run((end) => {
      started.push(i)
      ends.push(end)
    }, []),
  )
  expect(started).toEqual([0, 1])
  ends[1]!(null, 11)
  expect(started).toEqual([0, 1, 2])
  ends[0]!(new Error('broken'), 0)
  expect(started).toEqual([0, 1, 2, 3])
  ends[2]!(null, 12)
  ends[3]!(null, 13)
  await expect(results[0]).rejects.toThrow('broken')
  expect(await Promise.all(results.slice(1))).toEqual([11, 12, 13])
})

test('a call that cannot start gives its turn to the next', async () => {
  const calls = new AsyncCalls(1)
  const broken = calls.run(() => {
    throw new Error('no such function')
  }, [])
  const next = calls.run((end) => end(null, 7), [])
  await expect(broken).rejects.toThrow('no such function')
  expect(await next).toBe(7)
})

// A foreign function knows addresses, not objects: the objects must not depend on what it keeps.

test('what a call uses is kept until its end, also if the function does not keep its callback', async () => {
  const script = `
import { AsyncCalls } from ${source('hosts/node/async-calls.ts')}
${COLLECT_GARBAGE}
const calls = new AsyncCalls(1)
let endFirst
/** Starts a call with an object that nothing else holds. */
function call(start) {
  const owner = { owner: true }
  void calls.run(start, [owner])
  return new WeakRef(owner)
}
const running = call((end) => { endFirst = end })
const waiting = call(() => {}) // forgets its callback
await collect()
const before = [running, waiting].map((each) => each.deref() !== undefined)
endFirst(null, 0)
endFirst = undefined
await collect()
const after = [running, waiting].map((each) => each.deref() !== undefined)
console.log(JSON.stringify({ before, after }))
`
  const output = await runScript(await temporaryFolder(), script, { nodeOptions: ['--expose-gc'] })
  // the first has ended, the second is in progress
  expect(JSON.parse(output)).toEqual({ before: [true, true], after: [false, true] })
})
