import { expect, test } from 'vitest'
import type { Runtime, Session } from '../../src/engine/session.ts'
import { StepSessions } from '../../src/train/step-sessions.ts'

/**
 * A runtime that refuses models of 3 steps while `refuses` is set, and the sessions that it has loaded and not freed.
 */
function makeRuntime() {
  const open = new Set<number>()
  const state = { refuses: true, loads: 0 }
  const runtime: Runtime = {
    load: async ([steps]) => {
      state.loads += 1
      if (steps === 3 && state.refuses) throw new Error('refused')
      open.add(steps!)
      return { release: () => open.delete(steps!) } as unknown as Session
    },
  }
  return { runtime, open, state }
}

const build = ({ steps }: { steps: number }) => Uint8Array.of(steps)

test('a session is compiled once for each pair of sizes', async () => {
  const { runtime, state } = makeRuntime()
  const sessions = new StepSessions(runtime, build)
  const first = await sessions.for({ steps: 5, regions: 4 })
  expect(await sessions.for({ steps: 5, regions: 4 })).toBe(first)
  expect(await sessions.for({ steps: 5, regions: 9 })).not.toBe(first)
  expect(state.loads).toBe(2)
})

test('a model that the engine refused is tried again, and release() frees all other sessions', async () => {
  const { runtime, open, state } = makeRuntime()
  const sessions = new StepSessions(runtime, build)
  await sessions.for({ steps: 5, regions: 4 })
  await expect(sessions.for({ steps: 3, regions: 4 })).rejects.toThrow('refused')
  const refused = sessions.for({ steps: 3, regions: 4 }).catch(() => 'refused')
  await sessions.for({ steps: 7, regions: 4 })
  await sessions.release()
  expect(await refused).toBe('refused')
  expect([...open]).toEqual([])
  state.refuses = false
  await expect(sessions.for({ steps: 3, regions: 4 })).resolves.toBeDefined()
})
