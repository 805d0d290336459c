import type { Crop, Pictures } from '../engine/pictures.ts'
import { ImageError } from '../engine/pictures.ts'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import type { Watch } from '../progress.ts'
import { inOrder } from './in-order.ts'
import type { Network } from './networks/network.ts'
import { normalise } from './preprocessing.ts'
import type { Regions } from './regions.ts'

/** An image of a dataset. */
export interface ImageFile {
  readonly id: string
  readonly path: string
  /** the part of the image that is used, by default all */
  readonly crop?: Crop
}

/** An image that has no features, and why. */
export interface SkippedFile {
  readonly id: string
  readonly file: string
  readonly reason: string
}

/** Where features are stored; disk/feature-writer.ts implements it. */
export interface FeatureSink {
  has(id: string): boolean
  add(id: string, regions: Regions): Promise<void>
  skip(image: SkippedFile): void
}

/** What features are extracted of, by what, and where to. */
export interface ExtractOptions extends Watch {
  readonly images: Iterable<ImageFile>
  readonly network: Network
  readonly pictures: Pictures
  readonly store: FeatureSink
  /** images that go through the network at once */
  readonly batchSize?: number
}

/** The outcome of an extraction. */
export interface Extraction {
  /** images whose features were made now */
  readonly made: number
  /** images whose features were there already */
  readonly kept: number
  /** images without features; each file once, whatever its augmentations */
  readonly skipped: readonly SkippedFile[]
}

/**
 * Extracts the features of the images that the store lacks. Images are decoded on other threads while the network
 * works on those before; broken ones are skipped and named in the result. After an abort the same call resumes. The
 * caller closes the store. Throws UserError where the network gives numbers that are not finite.
 */
export async function extractFeatures({
  images,
  network,
  pictures,
  store,
  batchSize = 4,
  onProgress,
  signal,
}: ExtractOptions): Promise<Extraction> {
  const all = new Map(Array.from(images, (image) => [image.id, image]))
  const missing = [...all.values()].filter(({ id }) => !store.has(id))
  const kept = all.size - missing.length
  const skipped: SkippedFile[] = []
  let made = 0
  const report = (): void => onProgress?.(kept + made + skipped.length, all.size)

  const length = 3 * network.input.width * network.input.height
  let batch = { ids: [] as string[], planes: new Float32Array(batchSize * length) }
  const finish = async ({ ids, planes }: typeof batch): Promise<void> => {
    const output = await network.run(planes.subarray(0, ids.length * length), ids.length)
    await keep(ids, toFloat16(output), network, store)
    made += ids.length
    report()
  }
  let underWay = Promise.resolve()
  const send = async (): Promise<void> => {
    await underWay
    underWay = finish(batch)
    underWay.catch(() => {}) // thrown where it is awaited
    batch = { ids: [], planes: new Float32Array(batchSize * length) }
  }

  report()
  try {
    for await (const { image, pixels, reason } of inOrder(
      missing,
      (image) => decode(pictures, image, network),
      3 * batchSize,
    )) {
      signal?.throwIfAborted()
      if (pixels) {
        const at = batch.ids.length * length
        normalise(pixels, network.input, batch.planes.subarray(at, at + length))
        if (batch.ids.push(image.id) === batchSize) await send()
      } else {
        skipped.push({ id: image.id, file: image.path, reason })
        store.skip(skipped.at(-1)!)
        report()
      }
    }
    if (batch.ids.length > 0) await send()
    await underWay
  } finally {
    await underWay.catch(() => {}) // nothing may reach the store after the return
  }
  return { made, kept, skipped: skipped.filter(({ file }, i) => skipped[i - 1]?.file !== file) }
}

type Decoded =
  | { image: ImageFile; pixels: Uint8Array; reason?: never }
  | { image: ImageFile; pixels?: never; reason: string }

async function decode(pictures: Pictures, image: ImageFile, { input }: Network): Promise<Decoded> {
  try {
    return { image, pixels: await pictures.decode(image.path, { ...input, ...(image.crop && { crop: image.crop }) }) }
  } catch (error) {
    if (error instanceof ImageError) return { image, reason: error.reason }
    throw error
  }
}

/** Stores a batch. A number too large for float16 is refused: it would spoil training, later and far from its cause. */
async function keep(
  ids: readonly string[],
  halves: Uint16Array,
  { regions, size, layer }: Network,
  store: FeatureSink,
): Promise<void> {
  for (const [row, id] of ids.entries()) {
    const features = halves.subarray(row * regions * size, (row + 1) * regions * size)
    if (!allFinite(features))
      throw new UserError(
        `Cannot keep features of image "${id}": layer "${layer}" gives numbers that are not finite in float16; cut the network at another layer`,
      )
    await store.add(id, { features })
  }
}

/** A loop, since a callback for each of 63,000 numbers takes half a millisecond an image. */
function allFinite(halves: Uint16Array): boolean {
  for (let i = 0; i < halves.length; i++) if ((halves[i]! & 0x7c00) === 0x7c00) return false
  return true
}
