import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { FeatureWriter } from '../../src/disk/feature-writer.ts'
import { UserError } from '../../src/errors.ts'
import { nodePictures } from '../../src/hosts/node/pictures.ts'
import { extractFeatures, type ImageFile } from '../../src/vision/extract-features.ts'
import { sourceOf } from '../../src/vision/feature-source.ts'
import type { Network } from '../../src/vision/networks/network.ts'
import { temporaryFolder } from '../support/folder.ts'

/** A network with one region: the mean of each channel of the picture, from 0 to 255. */
class MeanColour implements Network {
  readonly name = 'mean.onnx'
  readonly sha256 = createHash('sha256').update('mean').digest('hex')
  readonly layer = 'mean'
  readonly input = { width: 2, height: 2, channels: 'RGB', mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } as const
  readonly regions = 1
  readonly columns = 1
  readonly size = 3
  readonly counts: number[] = []
  scale = 1

  async run(images: Float32Array, count: number): Promise<Float32Array> {
    this.counts.push(count)
    const channels = Array.from({ length: count * 3 }, (_, i) => images.subarray(i * 4, i * 4 + 4))
    return Float32Array.from(channels, (values) => (this.scale * values.reduce((sum, value) => sum + value)) / 4)
  }

  release(): void {}
}

/** Writes pictures 0, 1, ... of one colour each: (n, 2n, 3n). */
async function pictures(folder: string, count: number): Promise<ImageFile[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const path = join(folder, `${n}.png`)
      await sharp({ create: { width: 5, height: 3, channels: 3, background: { r: n, g: 2 * n, b: 3 * n } } })
        .png()
        .toFile(path)
      return { id: String(n), path }
    }),
  )
}

async function readBack(folder: string, ids: readonly string[]): Promise<Uint16Array> {
  const store = await FeatureStore.open(join(folder, 'features'))
  const features = await store.read(ids)
  await store.close()
  return features
}

/** The float16 bits of a number from 1 to 2048, by the definition. */
const half = (value: number): number =>
  value === 0 ? 0 : (Math.floor(Math.log2(value)) + 15) * 1024 + (value / 2 ** Math.floor(Math.log2(value)) - 1) * 1024

describe('extractFeatures()', () => {
  test('stores the features of every picture by id, in batches of which the last is smaller', async () => {
    const folder = await temporaryFolder()
    const network = new MeanColour()
    const store = await FeatureWriter.open(join(folder, 'features'), sourceOf(network))
    const progress: [number, number][] = []
    const onProgress = (done: number, total: number): void => void progress.push([done, total])
    const result = await extractFeatures({
      pictures: nodePictures,
      images: await pictures(folder, 7),
      network,
      store,
      batchSize: 3,
      onProgress,
    })
    await store.close()
    expect(result).toEqual({ made: 7, kept: 0, skipped: [] })
    expect(network.counts).toEqual([3, 3, 1])
    const read = await readBack(folder, ['6', '0', '5'])
    expect([...read]).toEqual([6, 12, 18, 0, 0, 0, 5, 10, 15].map(half))
    expect(progress[0]).toEqual([0, 7])
    expect(progress.at(-1)).toEqual([7, 7])
    expect(progress.map(([done]) => done)).toEqual(progress.map(([done]) => done).toSorted((a, b) => a - b))
  })

  test('skips pictures that cannot be read, with the reason, and makes the others', async () => {
    const folder = await temporaryFolder()
    const network = new MeanColour()
    const store = await FeatureWriter.open(join(folder, 'features'), sourceOf(network))
    const images = await pictures(folder, 5)
    await writeFile(images[1]!.path, 'no picture')
    const missing = { id: 'gone', path: join(folder, 'gone.jpg') }
    const result = await extractFeatures({
      pictures: nodePictures,
      images: [...images, missing],
      network,
      store,
      batchSize: 2,
    })
    await store.close()
    expect(result.made).toBe(4)
    expect(result.skipped).toEqual([
      { id: '1', file: images[1]!.path, reason: 'it is not an image; give one of JPEG, PNG, GIF, WebP, TIFF, AVIF' },
      { id: 'gone', file: missing.path, reason: 'there is no such file' },
    ])
    const { header } = await FeatureStore.open(join(folder, 'features'))
    expect(header.skipped).toEqual(result.skipped)
    expect(header.shards.flatMap(({ ids }) => ids)).toEqual(['0', '2', '3', '4'])
  })

  test('resumes after an abort: the next call makes what is missing', async () => {
    const folder = await temporaryFolder()
    const network = new MeanColour()
    const images = await pictures(folder, 9)
    const stop = new AbortController()
    const first = await FeatureWriter.open(join(folder, 'features'), sourceOf(network))
    const onProgress = (done: number): void => {
      if (done >= 4) stop.abort()
    }
    await expect(
      extractFeatures({
        pictures: nodePictures,
        images,
        network,
        store: first,
        batchSize: 2,
        onProgress,
        signal: stop.signal,
      }),
    ).rejects.toThrow('aborted')
    await first.close()

    const second = await FeatureWriter.open(join(folder, 'features'), sourceOf(network))
    const kept = second.count // the batch in progress is stored too
    expect([4, 6]).toContain(kept)
    const rest = await extractFeatures({ pictures: nodePictures, images, network, store: second, batchSize: 2 })
    expect(rest).toEqual({ made: 9 - kept, kept, skipped: [] })
    await second.close()
    const read = await readBack(
      folder,
      images.map((image) => image.id),
    )
    expect([...read]).toEqual(images.flatMap((_, n) => [n, 2 * n, 3 * n].map(half)))
  })

  test('makes an image once that is listed twice', async () => {
    const folder = await temporaryFolder()
    const network = new MeanColour()
    const store = await FeatureWriter.open(join(folder, 'features'), sourceOf(network))
    const [image] = await pictures(folder, 1)
    expect(await extractFeatures({ pictures: nodePictures, images: [image!, image!], network, store })).toEqual({
      made: 1,
      kept: 0,
      skipped: [],
    })
  })

  test('refuses features that float16 cannot hold, naming the image and the layer', async () => {
    const folder = await temporaryFolder()
    const network = new MeanColour()
    network.scale = 1e4
    const store = await FeatureWriter.open(join(folder, 'features'), sourceOf(network))
    const images = await pictures(folder, 4)
    const extracting = extractFeatures({ pictures: nodePictures, images, network, store })
    await expect(extracting).rejects.toThrow(UserError)
    await expect(extracting).rejects.toThrow('features of image "3": layer "mean" gives numbers that are not finite')
  })
})
