import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { toFloat16 } from '../runtime/float16.ts'
import type { LeftOut } from './feature-index.ts'
import type { FeatureWriter } from './feature-writer.ts'
import { decodeImage, ImageError } from './image.ts'
import { inOrder } from './in-order.ts'
import type { Network } from './network.ts'
import { normalise } from './preprocessing.ts'

export interface ImageFile {
  readonly id: string
  readonly path: string
}

export interface ExtractOptions extends Watch {
  readonly images: Iterable<ImageFile>
  readonly network: Network
  readonly store: FeatureWriter
  readonly batchSize?: number
}

export interface Extraction {
  /** images whose features were made now */
  readonly made: number
  /** images whose features were there already */
  readonly kept: number
  readonly leftOut: readonly LeftOut[]
}

/**
 * Makes the features of the images that the store lacks. Pictures are decoded, on threads of their own, while the network works on those
 * before; broken ones are left out and named in the result. Stopped by the signal, it may be called again and goes on; the caller closes the store.
 */
export async function extractFeatures({
  images,
  network,
  store,
  batchSize = 8,
  onProgress,
  signal,
}: ExtractOptions): Promise<Extraction> {
  const all = new Map(Array.from(images, (image) => [image.id, image]))
  const missing = [...all.values()].filter(({ id }) => !store.has(id))
  const kept = all.size - missing.length
  const leftOut: LeftOut[] = []
  let made = 0

  const length = 3 * network.input.width * network.input.height
  const batch = new Float32Array(batchSize * length)
  let ids: string[] = []
  const runBatch = async (): Promise<void> => {
    const rows = regionsOf(network, await network.run(batch.subarray(0, ids.length * length), ids.length))
    for (const [i, id] of ids.entries()) await store.add(id, rows(i, id))
    made += ids.length
    ids = []
  }

  onProgress?.(kept, all.size)
  for await (const { image, pixels, why } of inOrder(missing, (image) => decode(image, network), 2 * batchSize)) {
    signal?.throwIfAborted()
    if (pixels) {
      normalise(pixels, network.input, batch.subarray(ids.length * length, (ids.length + 1) * length))
      ids.push(image.id)
      if (ids.length === batchSize) await runBatch()
    } else {
      leftOut.push({ id: image.id, file: image.path, why })
      store.leaveOut(leftOut.at(-1)!)
    }
    onProgress?.(kept + made + leftOut.length, all.size)
  }
  if (ids.length > 0) await runBatch()
  onProgress?.(all.size, all.size)
  return { made, kept, leftOut }
}

type Decoded = { image: ImageFile; pixels: Uint8Array; why?: never } | { image: ImageFile; pixels?: never; why: string }

async function decode(image: ImageFile, { input }: Network): Promise<Decoded> {
  try {
    return { image, pixels: await decodeImage(image.path, input) }
  } catch (error) {
    if (error instanceof ImageError) return { image, why: error.why }
    throw error
  }
}

/** The output of a network as float16, picture by picture; a number too large for float16 would spoil training later and far from its cause. */
function regionsOf({ regions, size, layer }: Network, output: Float32Array): (row: number, id: string) => Uint16Array {
  const halves = toFloat16(output)
  return (row, id) => {
    const picture = halves.subarray(row * regions * size, (row + 1) * regions * size)
    if (picture.some((bits) => (bits & 0x7c00) === 0x7c00))
      throw new UserError(
        `Cannot keep features of image "${id}": layer "${layer}" gives numbers that are not finite in float16; cut the network at another layer`,
      )
    return picture
  }
}
