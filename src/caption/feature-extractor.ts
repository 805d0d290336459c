import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import {
  BUILTIN,
  decodeImage,
  describeSource,
  type FeatureSource,
  ImageError,
  type ImageInput,
  type Network,
  normalise,
  openDetector,
  openNetwork,
  RegionFinder,
  type Regions,
  sameSource,
  sourceOf,
} from '../vision/index.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** Where the networks of a run are, if they are not where they were when it was trained. */
export interface NetworkPaths {
  readonly cnn?: string
  readonly detector?: string
}

/** Regions with their boxes, whether a grid's cells or a detector's objects. */
export type SeenRegions = Pick<Regions, 'features'> & { readonly boxes: Float32Array }

/** Looks at photographs as a run was trained to. */
export interface Eye<Opened = unknown> {
  /** What can be done for a photograph before its turn comes, while the networks work on others. Throws ImageError. */
  open(image: ImageInput): Promise<Opened>
  /** The regions of each photograph, or why it cannot be read. */
  look(opened: readonly Opened[]): Promise<(SeenRegions | ImageError)[]>
  release(): void
}

/** Opens what a run sees with. Throws UserError where a network is missing or is another. */
export async function openEye(run: TrainedCaptioner, { cnn, detector }: NetworkPaths): Promise<Eye> {
  const { features } = run.config
  if (features.kind === 'bottom-up')
    throw new UserError(
      `Cannot use run "${run.name}" on pictures: it takes ${describeSource(features)}, which were not made here; test it with "mia test"`,
    )
  const { width, height, channels, mean, std } = features.preprocessing
  const path = cnn ?? features.network.file
  const options = { layer: features.layer, width, height, normalisation: { channels, mean, std } }
  const network = await found(openNetwork(path, options), '--cnn', cnn, run, features.network)
  if (features.kind === 'grid') return new GridEye(checked(network, sourceOf(network), run, `network "${path}"`))
  const file = detector ?? features.detector.file
  const objects = await found(openDetector(file), '--detector', detector, run, features.detector)
  const finder = new RegionFinder(objects, network, { position: features.position })
  return new ObjectEye(checked(finder, finder.source, run, `network "${path}" and detector "${file}"`))
}

/** A network that is being opened; where it is not where it was, the error says how to give it. */
const found = <T>(
  opening: Promise<T>,
  option: string,
  given: string | undefined,
  run: TrainedCaptioner,
  { file, sha256 }: { readonly file: string; readonly sha256: string },
): Promise<T> =>
  opening.catch((error: unknown) => {
    if (given !== undefined || !(error instanceof UserError)) throw error
    if (file === BUILTIN) throw new UserError(`Cannot use run "${run.name}" on pictures: ${error.message}`)
    throw new UserError(
      `Cannot use run "${run.name}" on pictures: ${error.message}; give the file (sha256 ${sha256.slice(0, 12)}) with ${option}`,
    )
  })

function checked<T>(eye: T, source: FeatureSource, { name: folder, config }: TrainedCaptioner, what: string): T {
  if (sameSource(source, config.features)) return eye
  const builtin = [source, config.features].every((each) => 'network' in each && each.network.file === BUILTIN)
  if (builtin)
    throw new UserError(
      `Cannot use run "${folder}" with the network that comes with npm: it is not the one that the run was trained with; install the packages again with "npm ci"`,
    )
  throw new UserError(
    `Cannot use run "${folder}" with ${what}: its features are ${describeSource(source)}; the run needs ${describeSource(config.features)}`,
  )
}

/** Cells of a grid, all photographs at once. */
class GridEye implements Eye<Uint8Array> {
  readonly #network: Network
  readonly #boxes: Float32Array

  constructor(network: Network) {
    this.#network = network
    this.#boxes = cells(network)
  }

  open(image: ImageInput): Promise<Uint8Array> {
    return decodeImage(image, this.#network.input)
  }

  async look(pictures: readonly Uint8Array[]): Promise<SeenRegions[]> {
    const { input, regions, size } = this.#network
    const length = 3 * input.width * input.height
    const planes = new Float32Array(pictures.length * length)
    for (const [i, picture] of pictures.entries())
      normalise(picture, input, planes.subarray(i * length, (i + 1) * length))
    const features = toFloat16(await this.#network.run(planes, pictures.length))
    return pictures.map((_, i) => ({
      features: features.subarray(i * regions * size, (i + 1) * regions * size),
      boxes: this.#boxes,
    }))
  }

  release(): void {
    this.#network.release()
  }
}

/** Objects, found photograph by photograph. */
class ObjectEye implements Eye<ImageInput> {
  readonly #finder: RegionFinder

  constructor(finder: RegionFinder) {
    this.#finder = finder
  }

  /** The finder decodes a photograph twice, at the detector's size and at the network's, each when it is wanted. */
  async open(image: ImageInput): Promise<ImageInput> {
    return image
  }

  look(images: readonly ImageInput[]): Promise<(SeenRegions | ImageError)[]> {
    return Promise.all(images.map((image) => orImageError(this.#finder.find(image) as Promise<SeenRegions>)))
  }

  release(): void {
    this.#finder.release()
  }
}

/** What comes of work on a picture, or the ImageError that tells why nothing does. */
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
