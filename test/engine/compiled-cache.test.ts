import { expect, test } from 'vitest'
import { CompiledCache } from '../../src/engine/compiled-cache.ts'

/** Loads things that count themselves. */
function loader() {
  const live = new Set<string>()
  let loads = 0
  const load = (key: string) => async () => {
    loads += 1
    live.add(key)
    return { key, release: () => void live.delete(key) }
  }
  return { live, load, loads: () => loads }
}

test('a thing is loaded once for all who use it at once and after', async () => {
  const { load, loads } = loader()
  const cache = new CompiledCache(2)
  await Promise.all([1, 2, 3].map(() => cache.use('a', load('a'), async () => {})))
  await cache.use('a', load('a'), async () => {})
  expect(loads()).toBe(1)
})

test('no more than the limit are kept, the least recently used go first', async () => {
  const { live, load } = loader()
  const cache = new CompiledCache(2)
  for (const key of ['a', 'b', 'a', 'c', 'd', 'c']) await cache.use(key, load(key), async () => {})
  expect([...live].sort()).toEqual(['c', 'd'])
  await cache.release()
  expect(live.size).toBe(0)
})

test('what is in use is not released, however many others come', async () => {
  const { live, load } = loader()
  const cache = new CompiledCache<{ key: string; release(): void }>(1)
  let finish = () => {}
  const working = cache.use('long', load('long'), () => new Promise<void>((resolve) => (finish = resolve)))
  for (const key of ['a', 'b', 'c']) await cache.use(key, load(key), async () => {})
  expect(live.has('long')).toBe(true)
  finish()
  await working
  expect(live.size).toBe(1)
})

test('a failed load fails its users and is tried again', async () => {
  const { load } = loader()
  const cache = new CompiledCache(1)
  const fail = async () => {
    throw new Error('no memory')
  }
  await expect(cache.use('a', fail, async () => 1)).rejects.toThrow('no memory')
  expect(await cache.use('a', load('a'), async () => 2)).toBe(2)
})
