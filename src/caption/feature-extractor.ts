import type { Engine } from '../engine/engine.ts'
import { ImageError, type ImageInput, type Pictures } from '../engine/pictures.ts'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import { RegionFinder } from '../vision/detected-regions.ts'
import { describeSource, type FeatureSource, sameSource, sourceOf } from '../vision/feature-source.ts'
import type { Network } from '../vision/networks/network.ts'
import { isPackaged, openDetector, openNetwork } from '../vision/open.ts'
import { normalise } from '../vision/preprocessing.ts'
import type { Regions } from '../vision/regions.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** The networks of a captioner, if they are not where they were when it was trained. */
export interface NetworkPaths {
  /** the network of its features */
  readonly cnn?: string
  /** the detector of its regions */
  readonly detector?: string
}

/** The features of an image's regions and their boxes, whether cells of a grid or detected objects. */
export type BoxedRegions = Pick<Regions, 'features'> & { readonly boxes: Float32Array }

/** Extracts features of images as a captioner was trained on. */
export interface FeatureExtractor<Decoded = unknown> {
  /** Decodes an image, ahead of extract(), on another thread. Throws ImageError. */
  decode(image: ImageInput): Promise<Decoded>
  /** The regions of each image, or its ImageError. */
  extract(decoded: readonly Decoded[]): Promise<(BoxedRegions | ImageError)[]>
  /** Frees the networks. */
  release(): void
}

/**
 * Opens the networks that a captioner needs. Throws UserError if one is missing or differs from the one it was trained
 * with.
 */
export async function openFeatureExtractor(
  engine: Engine,
  captioner: TrainedCaptioner,
  { cnn, detector }: NetworkPaths,
): Promise<FeatureExtractor> {
  const { features } = captioner.config
  if (features.kind === 'bottom-up')
    throw new UserError(
      `Cannot use run "${captioner.name}" on pictures: it takes ${describeSource(features)}, which were not made here; test it with "mia test"`,
    )
  const { width, height, channels, mean, std } = features.preprocessing
  const path = cnn ?? features.network.file
  const options = { layer: features.layer, width, height, normalisation: { channels, mean, std } }
  const opening = openNetwork(engine, path, options)
  const network = await explained(opening, '--cnn', cnn, captioner, features.network)
  try {
    if (features.kind === 'grid') {
      check(sourceOf(network), captioner, `network "${path}"`)
      return new GridExtractor(network, engine.pictures)
    }
    const file = detector ?? features.detector.file
    const openingDetector = openDetector(engine, file)
    const objects = await explained(openingDetector, '--detector', detector, captioner, features.detector)
    const finder = new RegionFinder(objects, network, { pictures: engine.pictures, position: features.position })
    try {
      check(finder.source, captioner, `network "${path}" and detector "${file}"`)
    } catch (error) {
      objects.release()
      throw error
    }
    return new ObjectExtractor(finder)
  } catch (error) {
    network.release()
    throw error
  }
}

/** A network that is being opened; if it is not where it was, the error says how to give it. */
const explained = <T>(
  opening: Promise<T>,
  option: string,
  given: string | undefined,
  captioner: TrainedCaptioner,
  { file, sha256 }: { readonly file: string; readonly sha256: string },
): Promise<T> =>
  opening.catch((error: unknown) => {
    if (given !== undefined || !(error instanceof UserError)) throw error
    if (isPackaged(file)) throw new UserError(`Cannot use run "${captioner.name}" on pictures: ${error.message}`)
    throw new UserError(
      `Cannot use run "${captioner.name}" on pictures: ${error.message}; give the file (sha256 ${sha256.slice(0, 12)}) with ${option}`,
    )
  })

/** Throws UserError unless the features are those that the captioner was trained on. */
function check(source: FeatureSource, { name, config }: TrainedCaptioner, what: string): void {
  if (sameSource(source, config.features)) return
  const builtin = [source, config.features].every((each) => 'network' in each && isPackaged(each.network.file))
  if (builtin)
    throw new UserError(
      `Cannot use run "${name}" with the built-in network: it is not the one that the run was trained with; install the packages again with "npm ci"`,
    )
  throw new UserError(
    `Cannot use run "${name}" with ${what}: its features are ${describeSource(source)}; the run needs ${describeSource(config.features)}`,
  )
}

/** The cells of a network's map, of all images at once. */
class GridExtractor implements FeatureExtractor<Uint8Array> {
  readonly #network: Network
  readonly #pictures: Pictures
  readonly #boxes: Float32Array

  constructor(network: Network, pictures: Pictures) {
    this.#network = network
    this.#pictures = pictures
    this.#boxes = cells(network)
  }

  decode(image: ImageInput): Promise<Uint8Array> {
    return this.#pictures.decode(image, this.#network.input)
  }

  async extract(decoded: readonly Uint8Array[]): Promise<BoxedRegions[]> {
    const { input, regions, size } = this.#network
    const length = 3 * input.width * input.height
    const planes = new Float32Array(decoded.length * length)
    for (const [i, pixels] of decoded.entries()) normalise(pixels, input, planes.subarray(i * length, (i + 1) * length))
    const features = toFloat16(await this.#network.run(planes, decoded.length))
    return decoded.map((_, i) => ({
      features: features.subarray(i * regions * size, (i + 1) * regions * size),
      boxes: this.#boxes,
    }))
  }

  release(): void {
    this.#network.release()
  }
}

/** Detected objects, image by image. */
class ObjectExtractor implements FeatureExtractor<ImageInput> {
  readonly #finder: RegionFinder

  constructor(finder: RegionFinder) {
    this.#finder = finder
  }

  /** Nothing is decoded ahead: the finder needs an image at two sizes, the detector's and the network's. */
  async decode(image: ImageInput): Promise<ImageInput> {
    return image
  }

  extract(images: readonly ImageInput[]): Promise<(BoxedRegions | ImageError)[]> {
    return Promise.all(images.map((image) => orImageError(this.#finder.find(image) as Promise<BoxedRegions>)))
  }

  release(): void {
    this.#finder.release()
  }
}

/** The result of work on an image, or the ImageError that it threw. */
export const orImageError = <T>(work: Promise<T>): Promise<T | ImageError> =>
  work.catch((error: unknown) => {
    if (error instanceof ImageError) return error
    throw error
  })

/** The boxes of a grid's cells, row by row. */
function cells({ columns, regions }: Network): Float32Array {
  const rows = regions / columns
  return Float32Array.from(
    Array.from({ length: regions }, (_, i) => {
      const [left, top] = [(i % columns) / columns, Math.floor(i / columns) / rows]
      return [left, top, left + 1 / columns, top + 1 / rows]
    }).flat(),
  )
}
