import { afterEach, expect, test, vi } from 'vitest'
import type { Engine } from '../../../../src/engine/engine.ts'

const EXPORT = '../../../../src/onnx/export.ts'

afterEach(() => {
  vi.doUnmock(EXPORT)
  vi.resetModules()
})

/** The name in the cache of a part of the built-in network, as a version of the exporter names it. */
async function cachedName(version: number): Promise<string> {
  vi.resetModules()
  vi.doMock(EXPORT, async (original) => ({ ...(await original<object>()), EXPORT_VERSION: version }))
  const { openPart } = await import('../../../../src/vision/networks/centernet/model.ts')
  const names: string[] = []
  const assets = {
    builtin: async () => new Uint8Array(8),
    cached: async (name: string) => {
      names.push(name)
      return new Uint8Array()
    },
  }
  const engine = { runtime: { load: async () => ({}) }, assets } as unknown as Engine
  await openPart(engine, { name: 'part', size: 64, recipe: {}, outputs: () => ({}) })
  return names[0]!
}

test('a network that another version of the exporter has cached is translated again', async () => {
  expect(await cachedName(1)).toBe(await cachedName(1))
  expect(await cachedName(2)).not.toBe(await cachedName(1))
})
