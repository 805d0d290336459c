import { ImageError, type ImageInput, type Pictures } from '../engine/pictures.ts'
import { toFloat16 } from '../formats/float16.ts'
import type { Watch } from '../progress.ts'
import type { Box } from './boxes.ts'
import type { Detector } from './detectors/detector.ts'
import type { Extraction, FeatureSink, ImageFile, SkippedFile } from './extract-features.ts'
import { type DetectedSource, sourceOf } from './feature-source.ts'
import { inOrder } from './in-order.ts'
import type { Network } from './networks/network.ts'
import { normalise } from './preprocessing.ts'
import type { Regions } from './regions.ts'
import { roiAlign } from './roi-align.ts'

/** Regions of an image, as in bottom-up attention (Anderson et al., CVPR 2018): from 10 to 100. */
const LEAST = 10
const MOST = 100
/** Numbers that say where a box is: its four edges and its area, as fractions of the image. */
const POSITION = 5

/** Detects the objects of images and pools a network's map inside each box to its feature. */
export class RegionFinder {
  /** the networks that compute the features */
  readonly source: DetectedSource
  readonly #detector: Detector
  readonly #network: Network
  readonly #pictures: Pictures
  readonly #position: boolean

  /** With `position` each feature is followed by its box's four edges and area, as fractions of the image. */
  constructor(
    detector: Detector,
    network: Network,
    { pictures, position }: { readonly pictures: Pictures; readonly position: boolean },
  ) {
    this.#detector = detector
    this.#pictures = pictures
    this.#network = network
    this.#position = position
    this.source = {
      ...sourceOf(network),
      kind: 'detected',
      detector: { file: detector.name, sha256: detector.sha256 },
      position,
      regions: MOST,
      size: network.size + (position ? POSITION : 0),
    }
  }

  /**
   * The regions of an image, most confident first. Throws ImageError for an image that cannot be read or has nothing
   * that might be an object.
   */
  async find(input: ImageInput): Promise<Regions> {
    const [found, map] = await Promise.all([
      this.#detector.detect(input, { least: LEAST, most: MOST }),
      this.#map(input),
    ])
    if (found.length === 0)
      throw new ImageError(`image "${this.#pictures.nameOf(input) ?? ''}"`, 'nothing is found in it')
    const { size } = this.source
    const { columns, regions: cells, size: channels } = this.#network
    const features = new Float32Array(found.length * size)
    for (const [i, { box }] of found.entries()) {
      const row = features.subarray(i * size, (i + 1) * size)
      roiAlign({ data: map, columns, rows: cells / columns, size: channels }, box, row.subarray(0, channels))
      if (this.#position) row.set([...edges(box), (box.right - box.left) * (box.bottom - box.top)], channels)
    }
    return {
      features: toFloat16(features),
      boxes: Float32Array.from(found.flatMap(({ box }) => edges(box))),
    }
  }

  /** Frees both networks. */
  release(): void {
    this.#detector.release()
    this.#network.release()
  }

  async #map(input: ImageInput): Promise<Float32Array> {
    const { width, height } = this.#network.input
    const planes = new Float32Array(3 * width * height)
    normalise(await this.#pictures.decode(input, this.#network.input), this.#network.input, planes)
    return this.#network.run(planes, 1)
  }
}

const edges = ({ left, top, right, bottom }: Box): number[] => [left, top, right, bottom]

/**
 * Extracts the regions of the images that the store lacks. Images that cannot be read, or in which nothing is found,
 * are skipped and named in the result. After an abort the same call resumes. The caller closes the store.
 */
export async function extractRegions({
  images,
  finder,
  store,
  onProgress,
  signal,
}: { images: readonly ImageFile[]; finder: RegionFinder; store: FeatureSink } & Watch): Promise<Extraction> {
  const missing = images.filter(({ id }) => !store.has(id))
  const kept = images.length - missing.length
  const skipped: SkippedFile[] = []
  let made = 0
  const work = async (image: ImageFile) => {
    const found = await finder.find(image.path).catch((error: unknown) => {
      if (error instanceof ImageError) return error
      throw error
    })
    return { image, found }
  }
  for await (const { image, found } of inOrder(missing, work, 2)) {
    signal?.throwIfAborted()
    if (found instanceof ImageError) {
      skipped.push({ id: image.id, file: image.path, reason: found.reason })
      store.skip(skipped.at(-1)!)
    } else {
      await store.add(image.id, found)
      made += 1
    }
    onProgress?.(kept + made + skipped.length, images.length)
  }
  return { made, kept, skipped }
}
