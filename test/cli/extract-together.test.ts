import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ExtractPart, extractTogether } from '../../src/cli/extract-together.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { ALONE } from '../../src/distributed/communicator.ts'
import type { Extraction } from '../../src/vision/index.ts'
import { temporaryFolder } from '../support/folder.ts'
import { source } from '../train/world.ts'

const images = Array.from({ length: 11 }, (_, i) => ({ id: `image-${i}`, path: `${i}.jpg` }))
const featuresOf = (id: string): Uint16Array =>
  new Uint16Array(source.regions * source.size).fill(100 + Number(id.split('-')[1]))

/** Stores the features of a part; image 4 cannot be read. Fails after `most` images. */
const extract =
  (most = Number.POSITIVE_INFINITY) =>
  async ({ images, store }: ExtractPart): Promise<Extraction> => {
    const missing = images.filter(({ id }) => !store.has(id))
    const skipped = missing
      .filter(({ id }) => id === 'image-4')
      .map(({ id, path }) => ({ id, file: path, reason: 'bad' }))
    for (const image of skipped) store.skip(image)
    const read = missing.filter(({ id }) => id !== 'image-4')
    for (const [i, { id }] of read.entries()) {
      if (i === most) throw new Error('killed')
      await store.add(id, { features: featuresOf(id) })
    }
    return { made: read.length, kept: images.length - missing.length, skipped }
  }

const run = (folder: string, shard: { index: number; parts: number } | undefined, most?: number) =>
  extractTogether({ folder, source, images, ranks: ALONE, shard, signal: new AbortController().signal }, extract(most))

async function expectAll(folder: string): Promise<void> {
  const store = await FeatureStore.open(folder)
  for (const { id } of images) {
    expect(store.has(id)).toBe(id !== 'image-4')
    if (id !== 'image-4') expect(await store.read([id])).toEqual(featuresOf(id))
  }
  expect(store.header.skipped.map(({ id }) => id)).toEqual(['image-4'])
  await store.close()
  expect((await readdir(folder)).filter((name) => name.includes('part'))).toEqual([])
}

test('shards in any order make together what one process makes', async () => {
  const folder = join(await temporaryFolder(), 'features')
  expect(await run(folder, { index: 2, parts: 3 })).toBeUndefined()
  expect(await run(folder, { index: 0, parts: 3 })).toBeUndefined()
  expect(existsSync(join(folder, 'index.json'))).toBe(false)
  expect(await run(folder, { index: 1, parts: 3 })).toMatchObject({ made: 10, kept: 0, skipped: [{ id: 'image-4' }] })
  await expectAll(folder)
})

test('a shard that failed is repeated alone, and keeps what it had', async () => {
  const folder = join(await temporaryFolder(), 'features')
  await expect(run(folder, { index: 0, parts: 2 }, 2)).rejects.toThrow('killed')
  expect(await run(folder, { index: 1, parts: 2 })).toBeUndefined()
  expect(await run(folder, { index: 0, parts: 2 })).toMatchObject({ made: 8, kept: 2 })
  await expectAll(folder)
})

test('one process takes over what shards have made, and makes the rest', async () => {
  const folder = join(await temporaryFolder(), 'features')
  await run(folder, { index: 1, parts: 2 })
  await expect(run(folder, { index: 0, parts: 2 }, 3)).rejects.toThrow('killed')
  expect(await run(folder, undefined)).toMatchObject({ made: 1, kept: 9 })
  const store = await FeatureStore.open(folder)
  expect(store.header.skipped).toHaveLength(1)
  await store.close()
})

test('images that are stored already are not made again in a shard', async () => {
  const folder = join(await temporaryFolder(), 'features')
  await run(folder, undefined)
  await run(folder, { index: 0, parts: 2 })
  expect(await run(folder, { index: 1, parts: 2 })).toMatchObject({ made: 0, kept: 10 })
})
